/// <reference lib="deno.worker" />
/** Rings each doorbell that it is sent. @module */

import { Doorbell } from "../../server/ring/doorbell.ts";

self.onmessage = ({ data }: MessageEvent<SharedArrayBuffer>) => new Doorbell(data).ring();
