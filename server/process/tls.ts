/**
 * The certificate and key that listeners speak TLS with.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError } from "../../shared/errors.ts";
import type { ServerConfig } from "../config/config.ts";
import { fileReason } from "../base/file_error.ts";

/** A certificate chain and its key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

const BYTE_ORDER_MARK = "\ufeff";
/** In the label of PKCS #8, or in the header of the older form. */
const ENCRYPTED = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Reads `--tls-cert` and `--tls-key`, and finds out whether TLS can be spoken with them.
 *
 * @returns `null` when neither is given.
 * @throws {ConfigError} when a file cannot be read or used, or the two do not belong together.
 */
export async function readTls(config: ServerConfig): Promise<TlsFiles | null> {
  if (config.tlsCert === "") return null;
  const files = {
    cert: await readFile("--tls-cert", config.tlsCert),
    key: await readFile("--tls-key", config.tlsKey),
  };
  checkPair(files, config);
  return files;
}

async function readFile(flag: string, path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new ConfigError([`Cannot read ${flag} ${path}: ${fileReason(error)}`]);
  }
  if (!text.startsWith(BYTE_ORDER_MARK)) return text;
  throw unusable(flag, path, "it begins with a byte order mark; save it as plain text (ASCII, or UTF-8 without BOM)");
}

function checkPair({ cert, key }: TlsFiles, { tlsCert, tlsKey }: ServerConfig): void {
  if (ENCRYPTED.test(key)) {
    const remedy = `remove the password: openssl pkey -in ${tlsKey} -out plain.pem`;
    throw unusable("--tls-key", tlsKey, `a password protects it; ${remedy}`);
  }
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    throw unusable("--tls-cert", tlsCert, "it is damaged; copy the chain again, the server's own certificate first");
  }
  try {
    privateKey = createPrivateKey(key);
  } catch {
    throw unusable("--tls-key", tlsKey, "it is damaged; copy the key again");
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    const remedy = "give the key that the first certificate in the file was made with";
    throw unusable("--tls-key", tlsKey, `it does not belong to ${tlsCert}; ${remedy}`);
  }
  checkUsable({ cert, key }, tlsCert, tlsKey);
}

/** What belongs together may still be of a kind that TLS does not take here: a listener of the runtime knows. */
function checkUsable(files: TlsFiles, tlsCert: string, tlsKey: string): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...files }).close();
  } catch (error) {
    // The machine's trouble, such as a want of descriptors, says nothing of the files.
    if (error instanceof Error && "code" in error) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const kinds = "RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";
    throw unusable("--tls-key", tlsKey, `TLS cannot use it with ${tlsCert} (${reason}); make them with ${kinds}`);
  }
}

function unusable(flag: string, path: string, reason: string): ConfigError {
  return new ConfigError([`Cannot use ${flag} ${path}: ${reason}`]);
}
