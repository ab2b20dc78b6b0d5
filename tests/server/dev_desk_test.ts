import { obeyDev } from "../../server/process/dev_desk.ts";
import { assertEquals } from "../support/assert.ts";

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
