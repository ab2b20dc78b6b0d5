/** The TCP transport for Node, by Deno's own node:net; `tests/e2e/npm_client_test.ts` runs it in Node. @module */

import { connectTcp } from "../../client/node_tcp_transport.ts";
import { listenTcp } from "./support/tcp_far_end.ts";
import { transportContract } from "./support/transport_contract.ts";

transportContract("NodeTcpTransport", () => listenTcp(connectTcp));
