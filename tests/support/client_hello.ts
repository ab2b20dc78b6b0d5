/** The first message of a TLS client. @module */

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const sized = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes];
const extension = (type: number, body: readonly number[]): number[] => [...u16(type), ...sized(body)];

/**
 * A ClientHello of TLS 1.3 (RFC 8446) that a server answers with its whole side of the handshake, although nobody can
 * finish it: a flood of these costs its sender nothing.
 */
export function clientHello(): Uint8Array<ArrayBuffer> {
  // Any 32 bytes are a key of X25519.
  const key = new Array<number>(32).fill(9);
  const extensions = [
    ...extension(0x2b, [2, 3, 4]), // supported_versions: 1.3
    ...extension(0x0a, sized([0, 0x1d])), // supported_groups: x25519
    ...extension(0x0d, sized([4, 3, 8, 4, 8, 5, 8, 6])), // signature_algorithms: ECDSA with P-256, RSA-PSS
    ...extension(0x33, sized([0, 0x1d, ...sized(key)])), // key_share
  ];
  const body = [3, 3, ...new Array<number>(32).fill(7), 0, ...sized([0x13, 1]), 1, 0, ...sized(extensions)];
  const message = [1, 0, ...sized(body)];
  return new Uint8Array([0x16, 3, 1, ...sized(message)]);
}
