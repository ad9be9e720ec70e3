// The vendor's JavaScript client at the same work: `node vendor.mjs upload FILE | stream COUNT`. Only hosts are changed.
import { openAsBlob } from "node:fs";
import { fal } from "@fal-ai/client";

const sink = new URL(process.env.BENCH_SINK);

fal.config({
  credentials: process.env.FAL_KEY,
  requestMiddleware: async (request) => {
    const url = new URL(request.url);
    return { ...request, url: `${sink.origin}${url.pathname}${url.search}` };
  },
});

const [verb, argument] = process.argv.slice(2);
if (verb === "upload") {
  const data = await openAsBlob(argument, { type: "application/octet-stream" });
  process.stdout.write(`${await fal.storage.upload(data)}\n`);
} else {
  const stream = await fal.stream(`${argument}/app`, { input: {} });
  // Not its async iterator, which waits 16 ms after each event.
  stream.on("data", (event) => process.stdout.write(`${JSON.stringify(event)}\n`));
  await stream.done();
}
