/** PROXY protocol v2 headers, right and wrong, written without the project's reader. @module */

/** What every header begins with. */
export const PROXY_SIGNATURE: Uint8Array = new Uint8Array([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]);

/** A header with a body as it is; its length is right. */
export function proxyHeader(
  parts: { command?: number; family: number; body?: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { command = 0x21, family, body = new Uint8Array(0) } = parts;
  return new Uint8Array([...PROXY_SIGNATURE, command, family, body.length >> 8, body.length & 0xff, ...body]);
}

/** The header of a connection over IPv4, from a port of `source` to a port of `target`. */
export function proxyHeaderV4(source: string, target = "203.0.113.80"): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array([
    ...source.split(".").map(Number),
    ...target.split(".").map(Number),
    0xc0,
    1,
    0x1f,
    0x91,
  ]);
  return proxyHeader({ family: 0x11, body });
}
