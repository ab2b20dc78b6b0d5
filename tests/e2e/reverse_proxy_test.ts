/** The server behind nginx and Caddy as docs/deploy.md has them: players' addresses, moderating, and the page. @module */

import { DisconnectNoticeSchema, DisconnectReason, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { visit, withBrowser } from "../support/browser.ts";
import { registerOnPage, untilInWorld } from "../support/game_page.ts";
import { programTest } from "../support/programs.ts";
import { RawHttp, type RawResponse } from "../support/raw_http.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { type ReverseProxy, SITE_NAME, startReverseProxy } from "../support/reverse_proxy.ts";
import { ServerProcess } from "../support/server_process.ts";
import { packet, WireClient } from "../support/wire.ts";
import { enterWorld, WirePlayer } from "../support/wire_session.ts";
import { until } from "../support/wait.ts";
import { join, requestUpgrade } from "../support/wire_websocket.ts";

const ADMIN_TOKEN = "a token of sixteen or more".replaceAll(" ", "-");
const FLAGS = [
  ...["--host", "127.0.0.1", "--trusted-proxies", "127.0.0.1", "--public-host", SITE_NAME],
  // Players of the test come from 127.0.0.5 and the like.
  ...["--trusted-addresses", "127.0.0.1", "--admin-token", ADMIN_TOKEN],
];

function siteFields(port: number): Record<string, string> {
  return { Host: `${SITE_NAME}:${port}`, Origin: `https://${SITE_NAME}:${port}` };
}

async function upgradeStatus(proxy: ReverseProxy, localAddress: string, headers: Record<string, string> = {}) {
  await using socket = await RawSocket.secure(proxy.port, localAddress);
  return (await requestUpgrade(socket, proxy.port, { headers: { ...siteFields(proxy.port), ...headers } })).status;
}

async function askAdmin(
  proxy: ReverseProxy,
  request: string,
  fields: Record<string, string>,
  body: string = request.startsWith("POST") ? JSON.stringify({ text: "hello", moderator: "eve" }) : "",
): Promise<RawResponse> {
  await using http = await RawHttp.secure(proxy.adminPort);
  const all = {
    ...{ "Host": `${SITE_NAME}:${proxy.adminPort}`, "Connection": "close", "Content-Type": "application/json" },
    ...(body === "" ? {} : { "Content-Length": String(body.length) }),
    ...fields,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  http.send(`${request} HTTP/1.1\r\n${lines}\r\n${body}`);
  return (await http.readToEnd()).responses[0];
}

for (const kind of ["nginx", "caddy"] as const) {
  programTest(
    [kind, "openssl"],
    `${kind}: serve limits and bans players, not the proxy, and can be moderated through it`,
    async () => {
      await using server = await ServerProcess.start({ flags: FLAGS, players: 3 });
      await using proxy = await startReverseProxy(kind, server.ports);
      const from = (localAddress: string) => ({ isSecure: true, localAddress, headers: siteFields(proxy.port) });

      await using honest = await WireClient.webSocket(proxy.port, from("127.0.0.6"));
      await enterWorld(honest, server.takePlayer().token);
      await using flooding = await WireClient.webSocket(proxy.port, from("127.0.0.5"));
      flooding.sendBytes(join(new Array(2_000).fill(packet(HeartbeatRequestSchema, {}))));
      const { reason, retryAfterMs } = await flooding.expect(DisconnectNoticeSchema);
      assertEquals([reason, retryAfterMs], [DisconnectReason.FLOOD, 10_000]);
      assert((await server.log()).includes('"address":"127.0.0.5"'));
      assertEquals(await upgradeStatus(proxy, "127.0.0.5"), 429);
      // Nobody gets away by claiming to be somebody else.
      assertEquals(await upgradeStatus(proxy, "127.0.0.5", { "X-Forwarded-For": "127.0.0.7" }), 429);
      assertEquals(await upgradeStatus(proxy, "127.0.0.5", { "Forwarded": "for=127.0.0.7" }), 429);
      assertEquals(await upgradeStatus(proxy, "127.0.0.7"), 101);
      assertEquals(await upgradeStatus(proxy, "127.0.0.7", { "Origin": "https://evil.example" }), 403);
      await using newcomer = await WireClient.webSocket(proxy.port, from("127.0.0.7"));
      await enterWorld(newcomer, server.takePlayer().token);

      const origin = `https://${SITE_NAME}:${proxy.adminPort}`;
      const bearer = { Authorization: `Bearer ${ADMIN_TOKEN}` };
      const statuses: number[] = [];
      for (
        const fields of [
          { ...bearer, "Sec-Fetch-Site": "same-origin", "Origin": origin },
          { ...bearer, "Origin": origin },
          bearer,
          { "Origin": origin },
          { ...bearer, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example" },
          { ...bearer, "Origin": "https://evil.example" },
        ]
      ) statuses.push((await askAdmin(proxy, "POST /moderation/announce", fields)).status);
      assertEquals(statuses, [200, 200, 200, 401, 403, 403]);
      const form = { "Content-Type": "application/x-www-form-urlencoded" };
      const opened = await askAdmin(proxy, "POST /token", form, `token=${ADMIN_TOKEN}`);
      const [cookie, ...attributes] = opened.headers.get("set-cookie")?.split("; ") ?? [];
      assertEquals([opened.status, opened.headers.get("location")], [303, "/"]);
      assertEquals(attributes, ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"]);
      assertEquals((await askAdmin(proxy, "GET /status.json", { Cookie: cookie })).status, 200);
      assertEquals((await askAdmin(proxy, `GET /?token=${ADMIN_TOKEN}`, {})).status, 303);
      if (kind === "nginx") {
        // A request is written to the log when it is over, which its client may hear before.
        await until("the log", async () => (await Deno.readTextFile(proxy.adminLog)).endsWith('"GET /" 303\n'));
        assert(!(await Deno.readTextFile(proxy.adminLog)).includes(ADMIN_TOKEN));
      }
      await server.stop();
    },
  );
}

for (const kind of ["nginx", "caddy"] as const) {
  programTest([kind, "openssl", "chromium"], `${kind}: the page plays through it`, async () => {
    await using server = await ServerProcess.start({ flags: FLAGS, players: 1 });
    await withBrowser(async (browser) => {
      await using proxy = await startReverseProxy(kind, server.ports);
      const { page, errors } = await visit(browser, `https://${SITE_NAME}:${proxy.port}/`);
      await registerOnPage(page, "Behind");
      await using other = await WirePlayer.enter(server, "tcp");
      await page.getByLabel("Message", { exact: true }).fill("By TLS");
      await page.keyboard.press("Enter");
      assertEquals((await other.hears("Behind")).message, "By TLS");
      await page.reload();
      await untilInWorld(page);
      assertEquals(errors, []);
      await page.context().close();
    });
    await server.stop();
  });
}

programTest(
  ["nginx", "openssl", "chromium"],
  "nginx: the page says so where its origin is refused, and where its WebSocket is not let through",
  async () => {
    await using server = await ServerProcess.start({ flags: FLAGS });
    await withBrowser(async (browser) => {
      // The commonest faults: Host is not passed on, Upgrade neither.
      const faults: readonly (readonly [string, string, string])[] = [
        [
          "proxy_set_header Host $http_host;",
          "refuses the address of this page",
          "--allowed-origins https://play.example.org",
        ],
        ["proxy_set_header Upgrade $http_upgrade;", "does not let WebSockets through", "removed its Upgrade header"],
      ];
      for (const [line, shown, logged] of faults) {
        await using faulty = await startReverseProxy("nginx", server.ports, { edit: (text) => text.replace(line, "") });
        const visitor = await visit(browser, `https://${SITE_NAME}:${faulty.port}/`);
        await visitor.page.locator("#login-name").fill("Behind");
        await visitor.page.locator("#login-password").fill("correct horse");
        await visitor.page.locator("#login-submit").click();
        await visitor.page.getByText(shown).waitFor();
        assert((await server.log()).includes(logged), await server.log());
        await visitor.page.context().close();
      }
    });
    await server.stop();
  },
);
