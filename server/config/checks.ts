/**
 * Checks what options say together: each value may be fine and the whole still impossible.
 *
 * @module
 */

import { ADMIN_TOKEN_LENGTH_MIN } from "../../shared/limits.ts";
import type { OptionKey, Platform, ServerConfig } from "./schema.ts";
import { isLoopback, isWildcard } from "../base/host.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { isPostgresUrl, parsePostgresUrl } from "../storage/postgres_target.ts";
import { fileReason } from "../base/file_error.ts";

/** What the checks need to know besides the values. */
export interface CheckContext {
  readonly platform: Platform;
  /** The flag, variable or key that gave the value in use. */
  readonly nameOf: (key: OptionKey) => string;
  /** Tells that a value given for `key` was refused already. */
  readonly isBad: (key: OptionKey) => boolean;
  readonly readTextFile: (path: string) => string;
}

/** All contradictions in `config`; checks of options with a refused value are left out. */
export function findContradictions(config: ServerConfig, context: CheckContext): string[] {
  return CHECKS.filter((check) => !check.of.some(context.isBad)).flatMap((check) => check.find(config, context));
}

interface Check {
  readonly of: readonly (OptionKey)[];
  readonly find: (config: ServerConfig, context: CheckContext) => readonly string[];
}

const CHECKS: readonly Check[] = [
  { of: ["role", "host", "loginPort", "gamePort", "gatewayPort", "adminHost", "adminPort"], find: findPortConflicts },
  { of: ["role", "databaseUrl"], find: checkRole },
  { of: ["adminHost", "adminToken"], find: checkAdmin },
  { of: ["tlsCert", "tlsKey"], find: checkTls },
  { of: ["databaseUrl", "databaseCa"], find: checkDatabaseCa },
  { of: ["natsUrl", "natsCa", "databaseUrl"], find: checkNats },
  { of: ["ioBackend", "tlsCert", "host"], find: checkEpoll },
  { of: ["proxyProtocolFrom", "tlsCert"], find: checkProxyProtocol },
  { of: ["ioWorkers"], find: checkIoWorkers },
  { of: ["sendQueueSoftBytes", "sendQueueHardBytes"], find: checkSendQueue },
];

/** Where a server listens, in this order. The ports that its role leaves out belong to other servers. */
export function listenersOf(config: ServerConfig): readonly Listener[] {
  const { host, role } = config;
  const listeners: readonly Listener[] = [
    { key: "loginPort", host, port: config.loginPort },
    { key: "gamePort", host, port: config.gamePort },
    { key: "gatewayPort", host, port: config.gatewayPort },
    { key: "adminPort", host: config.adminHost, port: config.adminPort },
  ];
  return listeners.filter(({ key }) => key === "adminPort" || opensPort(role, key));
}

/** Whether players of a role's server use a port. A browser logs in where it plays. */
export function opensPort(role: ServerConfig["role"], key: "loginPort" | "gamePort" | "gatewayPort"): boolean {
  return role === "all" || (role === "login") === (key === "loginPort");
}

/** One place to listen, and the option that names its port. */
export interface Listener {
  readonly key: "loginPort" | "gamePort" | "gatewayPort" | "adminPort";
  readonly host: string;
  readonly port: number;
}

function findPortConflicts(config: ServerConfig, { nameOf }: CheckContext): string[] {
  const listeners = listenersOf(config);
  const problems: string[] = [];
  for (const [index, listener] of listeners.entries()) {
    const other = listeners.slice(0, index).find((before) =>
      before.port === listener.port && overlap(before, listener)
    );
    if (other !== undefined && listener.port !== 0) {
      problems.push(`Cannot use ${nameOf(listener.key)} ${listener.port}: ${nameOf(other.key)} is the same port`);
    }
  }
  return problems;
}

/** Servers with separate roles must know of each other. */
function checkRole({ databaseUrl, role }: ServerConfig, { nameOf }: CheckContext): string[] {
  if (role === "all" || isPostgresUrl(databaseUrl)) return [];
  return [
    `Cannot use ${nameOf("role")} ${role} with ${nameOf("databaseUrl")} ${databaseUrl}: servers with separate roles ` +
    `share a PostgreSQL database; give its address, or leave ${nameOf("role")} out`,
  ];
}

function overlap(left: { readonly host: string }, right: { readonly host: string }): boolean {
  return left.host === right.host || isWildcard(left.host) || isWildcard(right.host) ||
    (isLoopback(left.host) && isLoopback(right.host));
}

function checkAdmin(config: ServerConfig, { nameOf }: CheckContext): string[] {
  if (isLoopback(config.adminHost)) return [];
  const name = `${nameOf("adminHost")} ${config.adminHost}`;
  if (config.adminToken === "") {
    return [`Cannot use ${name}: other machines can reach it, so DRAWBRIDGE_ADMIN_TOKEN must be set`];
  }
  if (config.adminToken.length < ADMIN_TOKEN_LENGTH_MIN) {
    return [
      `Cannot use ${name}: other machines can reach it and ${nameOf("adminToken")} has ` +
      `${config.adminToken.length} characters, but needs at least ${ADMIN_TOKEN_LENGTH_MIN}`,
    ];
  }
  return [];
}

function checkTls(config: ServerConfig, { nameOf, readTextFile }: CheckContext): string[] {
  if (config.tlsCert === "" && config.tlsKey === "") return [];
  if (config.tlsKey === "") return [`Cannot use ${nameOf("tlsCert")} alone: --tls-key must name its private key`];
  if (config.tlsCert === "") return [`Cannot use ${nameOf("tlsKey")} alone: --tls-cert must name its certificate`];
  return [
    ...checkPem(
      nameOf("tlsCert"),
      { path: config.tlsCert, what: "certificate", label: CERTIFICATE_LABEL },
      readTextFile,
    ),
    ...checkPem(nameOf("tlsKey"), { path: config.tlsKey, what: "private key", label: PRIVATE_KEY_LABEL }, readTextFile),
  ];
}

const CERTIFICATE_LABEL = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY_LABEL = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

interface PemFile {
  readonly path: string;
  readonly what: string;
  readonly label: RegExp;
}

function checkPem(name: string, file: PemFile, readTextFile: (path: string) => string): string[] {
  try {
    if (file.label.test(readTextFile(file.path))) return [];
    return [`Cannot use ${name} ${file.path}: it contains no ${file.what} in PEM`];
  } catch (error) {
    return [`Cannot read ${name} ${file.path}: ${fileReason(error)}`];
  }
}

/** Certificates are looked at where the address asks for it, and nowhere else. */
function checkDatabaseCa(
  { databaseCa, databaseUrl }: ServerConfig,
  { nameOf, readTextFile }: CheckContext,
): string[] {
  if (databaseCa === "") return [];
  const name = nameOf("databaseCa");
  if (parsePostgresUrl(databaseUrl)?.tls !== "verify-full") {
    return [`Cannot use ${name}: write ${nameOf("databaseUrl")} postgres://…?sslmode=verify-full`];
  }
  return checkPem(name, { path: databaseCa, what: "certificate", label: CERTIFICATE_LABEL }, readTextFile);
}

/** What servers say to each other is sealed with a key that only a database which they share can give them. */
function checkNats(
  { natsUrl, natsCa, databaseUrl }: ServerConfig,
  { nameOf, readTextFile }: CheckContext,
): string[] {
  if (natsUrl === "") return natsCa === "" ? [] : [`Cannot use ${nameOf("natsCa")}: ${nameOf("natsUrl")} is not given`];
  const problems: string[] = [];
  if (!isPostgresUrl(databaseUrl)) {
    problems.push(
      `Cannot use ${
        nameOf("natsUrl")
      } with SQLite: only servers on one PostgreSQL have something to tell each other, ` +
        `so give ${nameOf("databaseUrl")} postgres://…`,
    );
  }
  if (natsCa === "") return problems;
  if (!/^tls:/i.test(natsUrl)) {
    problems.push(`Cannot use ${nameOf("natsCa")} with ${nameOf("natsUrl")} nats://…: write tls://`);
  }
  return [
    ...problems,
    ...checkPem(nameOf("natsCa"), { path: natsCa, what: "certificate", label: CERTIFICATE_LABEL }, readTextFile),
  ];
}

function checkEpoll(config: ServerConfig, { nameOf, platform }: CheckContext): string[] {
  if (config.ioBackend !== "epoll") return [];
  const name = `${nameOf("ioBackend")} epoll`;
  const problems: string[] = [];
  if (platform.os !== "linux") problems.push(`Cannot use ${name}: it needs Linux, this is ${platform.os}`);
  if (config.tlsCert !== "") {
    problems.push(`Cannot use ${name}: it does not support TLS, which ${nameOf("tlsCert")} asks for`);
  }
  if (config.host !== "localhost" && parseIpAddress(config.host) === null) {
    problems.push(
      `Cannot use ${
        nameOf("host")
      } ${config.host} with ${name}: give an IP address, because it cannot look up host names`,
    );
  }
  return problems;
}

/** The header comes before the TLS handshake, where Deno's TLS cannot see it. */
function checkProxyProtocol(config: ServerConfig, { nameOf }: CheckContext): string[] {
  if (config.proxyProtocolFrom.length === 0 || config.tlsCert === "") return [];
  return [`Cannot use ${nameOf("proxyProtocolFrom")} with ${nameOf("tlsCert")}: the proxy must terminate TLS`];
}

function checkIoWorkers(config: ServerConfig, { nameOf, platform }: CheckContext): string[] {
  if (config.ioWorkers === 1 || platform.os === "linux") return [];
  return [
    `Cannot use ${
      nameOf("ioWorkers")
    } ${config.ioWorkers}: threads share ports on Linux only, limit is 1 on ${platform.os}`,
  ];
}

function checkSendQueue(config: ServerConfig, { nameOf }: CheckContext): string[] {
  if (config.sendQueueSoftBytes < config.sendQueueHardBytes) return [];
  return [
    `Cannot use ${nameOf("sendQueueSoftBytes")} ${config.sendQueueSoftBytes}: ` +
    `it must be below ${nameOf("sendQueueHardBytes")}, which is ${config.sendQueueHardBytes}`,
  ];
}
