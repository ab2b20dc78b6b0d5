import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { BUS_MESSAGE_BYTES_MAX } from "../../shared/limits.ts";
import { clusterKeyOf } from "../../server/bus/cluster_key.ts";
import { parseNatsUrl } from "../../server/bus/nats_target.ts";
import { type BusThread, type BusThreadOptions, startBusThread } from "../../server/bus/start_bus.ts";
import { WorkerBus } from "../../server/bus/worker_bus.ts";
import { createCounterBlock } from "../../server/ops/counters.ts";
import { busPermissions } from "../../server/process/permissions.ts";
import { measureBus } from "../../bench/bus.ts";
import { busContract } from "../contract/bus_contract.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import { TestNats } from "../support/nats.ts";
import { programTest } from "../support/programs.ts";
import { withTempDir } from "../support/temp_dir.ts";

const KEY = clusterKeyOf(new Uint8Array(32).fill(7));

function startThread(url: string, options: Partial<BusThreadOptions> = {}): Promise<BusThread> {
  const target = parseNatsUrl(url)!;
  return startBusThread({
    target,
    ca: "",
    clusterKey: KEY,
    node: "a",
    counters: createCounterBlock(),
    permissions: busPermissions(target),
    onState: () => {},
    onCrash: (error) => {
      throw error;
    },
    ...options,
  });
}

/** Nodes on one server, each with a thread of its own. */
class NatsNodes {
  readonly #threads: BusThread[] = [];
  readonly #carriers: WorkerBus[] = [];

  constructor(readonly nats: TestNats, readonly ca = "") {}

  async carrier(node: string, clusterKey = KEY): Promise<WorkerBus> {
    const thread = await startThread(this.nats.url(), { node, ca: this.ca, clusterKey });
    const carrier = new WorkerBus(thread.connect().port, () => {});
    this.#threads.push(thread);
    this.#carriers.push(carrier);
    return carrier;
  }

  stop(): Promise<void> {
    return this.nats.stop();
  }

  start(): Promise<void> {
    return this.nats.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const carrier of this.#carriers) carrier.close();
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    await this.nats[Symbol.asyncDispose]();
  }
}

busContract(
  "NATS",
  (name, run) => programTest("nats", name, run),
  async () => new NatsNodes(await TestNats.start()),
);

programTest("nats", "startBusThread() says what is wrong with a server that it cannot use", async () => {
  await using nats = await TestNats.start({ payloadBytesMax: 65_536 });
  const { port } = nats;
  const problemOf = async (url: string) => (await assertRejects(() => startThread(url), ConfigError)).problems;
  assertEquals(await problemOf(nats.url({ password: "wrong" })), [
    `nats://drawbridge@127.0.0.1:${port} refuses user or password: give those that its configuration names`,
  ]);
  assertEquals(await problemOf(nats.url({ user: "" })), [
    `nats://127.0.0.1:${port} asks for a user and a password: write them before the host, as in nats://USER:PASSWORD@HOST`,
  ]);
  assertEquals(await problemOf(nats.url().replace("nats:", "tls:")), [
    `tls://drawbridge@127.0.0.1:${port} does not speak TLS: have it do so, or write nats:// where nobody listens in between`,
  ]);
  assertEquals(await problemOf(nats.url()), [
    `nats://drawbridge@127.0.0.1:${port} takes messages of 65536 bytes: let it take ${BUS_MESSAGE_BYTES_MAX} with ` +
    "max_payload",
  ]);
  await nats.stop();
  const error = await assertRejects(() => startThread(nats.url()), DependencyError);
  assertEquals(error.code, "unavailable");
  assertEquals(
    error.message.startsWith(`nats://drawbridge@127.0.0.1:${port} cannot be reached: `),
    true,
    error.message,
  );
});

programTest(
  ["nats", "openssl"],
  "startBusThread() speaks TLS to a server whose certificate is good, and to no other",
  async () => {
    await withTempDir(async (dir) => {
      const tls = await makeCertificate(dir);
      await using nats = await TestNats.start({ tls });
      const error = await assertRejects(() => startThread(nats.url()), ConfigError);
      assertEquals(
        error.problems[0].startsWith(`tls://drawbridge@127.0.0.1:${nats.port} shows an invalid certificate: `),
        true,
        error.problems[0],
      );
      const ca = await Deno.readTextFile(tls.cert);
      const thread = await startThread(nats.url(), { ca });
      await thread.stop();
      for (const [host, name] of [["127.0.0.1", "DNS:localhost"], ["localhost", "IP:127.0.0.1"]]) {
        await nats.stop();
        await openssl(
          ...["req", "-x509", "-key", tls.key, "-out", tls.cert, "-subj", "/CN=elsewhere", "-days", "2"],
          ...["-addext", `subjectAltName=${name}`, "-addext", "basicConstraints=critical,CA:FALSE"],
        );
        await nats.resume();
        const options = { ca: await Deno.readTextFile(tls.cert) };
        const url = nats.url().replace("127.0.0.1", host);
        assertEquals((await assertRejects(() => startThread(url, options), ConfigError)).problems.length, 1, name);
      }
    });
  },
);

programTest("nats", "measureBus() hears all that is said", async () => {
  const { count, perSecond, roundTripMs } = await measureBus(2_000, 5);
  assertEquals([count, perSecond > 0, roundTripMs > 0], [2_000, true, true]);
});
