/**
 * A network of a test's own: hosts in namespaces, all on one bridge, each of whose ways to another can be cut in either
 * direction. Needs root, `ip` and `nft`.
 *
 * @module
 */

/** Which way nothing passes: into a host, out of it, or neither. */
export type Cut = "in" | "out" | "both";

/** One host. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
  /** A command that runs another there, which follows it. */
  readonly launcher: readonly string[];
}

/** Hosts and the bridge between them. */
export class TestNetwork<Name extends string> implements AsyncDisposable {
  readonly hosts: Readonly<Record<Name, TestHost>>;
  readonly #prefix: string;

  private constructor(prefix: string, hosts: Record<Name, TestHost>) {
    this.#prefix = prefix;
    this.hosts = hosts;
  }

  /** Makes one with these hosts. */
  static async make<Name extends string>(names: readonly Name[]): Promise<TestNetwork<Name>> {
    const prefix = `dbt${crypto.randomUUID().slice(0, 6)}`;
    const hosts = {} as Record<Name, TestHost>;
    const network = new TestNetwork(prefix, hosts);
    const hub = `${prefix}-hub`;
    try {
      await ip(["netns", "add", hub]);
      await ip(["-n", hub, "link", "add", "bridge", "type", "bridge"]);
      await ip(["-n", hub, "link", "set", "bridge", "up"]);
      for (const [index, name] of names.entries()) {
        const space = `${prefix}-${name}`, address = `10.77.0.${index + 1}`;
        hosts[name] = { name, address, launcher: ["ip", "netns", "exec", space] };
        await ip(["netns", "add", space]);
        await ip(["-n", space, "link", "add", "net", "type", "veth", "peer", "name", name, "netns", hub]);
        await ip(["-n", hub, "link", "set", name, "master", "bridge", "up"]);
        await ip(["-n", space, "address", "add", `${address}/24`, "dev", "net"]);
        for (const device of ["net", "lo"]) await ip(["-n", space, "link", "set", device, "up"]);
        for (const chain of ["input", "output"]) {
          await nft(hosts[name], [
            ...["add table ip cuts", `add chain ip cuts ${chain} { type filter hook ${chain} priority 0 ; }`],
          ]);
        }
      }
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  /** Cuts the way between a host and another, until {@linkcode TestNetwork.heal}: what passes is dropped without a word. */
  async cut(host: Name, from: Name, way: Cut): Promise<void> {
    const { address } = this.hosts[from];
    const rules = [];
    if (way !== "out") rules.push(`add rule ip cuts input ip saddr ${address} drop`);
    if (way !== "in") rules.push(`add rule ip cuts output ip daddr ${address} drop`);
    await nft(this.hosts[host], rules);
  }

  /** Lets everything pass again. */
  async heal(): Promise<void> {
    for (const host of Object.values<TestHost>(this.hosts)) await nft(host, ["flush table ip cuts"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...Object.keys(this.hosts), "hub"]) await ip(["netns", "delete", `${this.#prefix}-${name}`]);
  }
}

async function ip(args: readonly string[]): Promise<void> {
  await run(["ip", ...args]);
}

async function nft({ launcher }: TestHost, commands: readonly string[]): Promise<void> {
  await run([...launcher, "nft", commands.join("\n")]);
}

async function run([program, ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
