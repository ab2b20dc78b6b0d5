import { obeyDev } from "../../server/process/dev_desk.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("obeyDev() keeps only the start of a line without end, and does the command behind it", async () => {
  const text = new TextEncoder(), chunk = text.encode(" ".repeat(64 * 1_024));
  let reloads = 0;
  const input = ReadableStream.from((function* () {
    for (let count = 0; count < 128; count++) yield chunk;
    yield text.encode('{"kind":"page","savedAtMs":1}\n{"kind":"page","savedAtMs":2}\n');
  })());
  await obeyDev(input, {
    reloadGame: () => Promise.reject(new Error("nobody asked")),
    reloadPage: () => {
      reloads++;
      return Promise.resolve();
    },
    onEnd: () => {},
  });
  // Blanks before a command are none of JSON's concern: whole, the line would be one.
  assertEquals(reloads, 1);
});

Deno.test("obeyDev() does what is a command, however it is cut, and goes on behind what is none", async () => {
  const done: string[] = [];
  const said = [
    "",
    "reload",
    "null",
    "[]",
    '{"kind":"game"}',
    '{"kind":"all","savedAtMs":1}',
    '{"kind":"page","savedAtMs":"x"}',
    '{"kind":"game","savedAtMs":1}',
    "{",
    '{"kind":"page","savedAtMs":1}',
  ];
  const bytes = new TextEncoder().encode(`${said.join("\n")}\nunfinished`);
  const input = ReadableStream.from(Array.from({ length: bytes.length }, (_, at) => bytes.slice(at, at + 1)));
  await obeyDev(input, {
    reloadGame: () => {
      done.push("game");
      return Promise.reject(new Error("planted"));
    },
    reloadPage: () => {
      done.push("page");
      return Promise.resolve();
    },
    onEnd: () => done.push("end"),
  });
  assertEquals(done, ["game", "page", "end"]);
});
