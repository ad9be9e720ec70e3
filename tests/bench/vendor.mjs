// The vendor's JavaScript client at the work of a row: `node vendor.mjs VERB [WORD…]`, as a script on it is written.
//
// It is told where to go by the environment, as our program is: the hosts that it has as constants are replaced.
import { fal } from "@fal-ai/client";

const base = (value = "fal.run") => new URL(value.includes("://") ? value : `https://${value}`);
const hosts = {
  "fal.run": base(process.env.FAL_RUN_HOST),
  "queue.fal.run": base(process.env.FAL_QUEUE_RUN_HOST),
  "rest.fal.ai": base(process.env.FAL_REST_HOST),
};
const print = (text) => process.stdout.write(`${text}\n`);

function local(address) {
  const url = new URL(address);
  const host = hosts[url.host];
  url.protocol = url.protocol === "wss:" ? host.protocol.replace("http", "ws") : host.protocol;
  url.host = host.host;
  return url;
}

fal.config({
  credentials: process.env.FAL_KEY,
  requestMiddleware: async (request) => ({ ...request, url: local(request.url).toString() }),
});

const verbs = {
  async version() {
    print(typeof fal.run);
  },

  async submit(app, input) {
    print((await fal.queue.submit(app, { input: JSON.parse(input) })).request_id);
  },

  async status(app, requestId) {
    print((await fal.queue.status(app, { requestId })).status);
  },

  async run(app, input) {
    print(JSON.stringify((await fal.subscribe(app, { input: JSON.parse(input) })).data));
  },

  // As scripts do it: a list, so many calls at once, the picture of each saved.
  async batch(app, path, folder) {
    const { mkdir, readFile, writeFile } = await import("node:fs/promises");
    await mkdir(folder, { recursive: true });
    const calls = (await readFile(path, "utf8")).trim().split("\n").map(JSON.parse);
    let next = 0;
    const worker = async () => {
      while (next < calls.length) {
        const number = next++;
        const { data } = await fal.subscribe(app, { input: calls[number] });
        for (const [index, image] of data.images.entries()) {
          const answer = await fetch(image.url);
          await writeFile(`${folder}/${number + 1}-${index}.jpg`, Buffer.from(await answer.arrayBuffer()));
        }
      }
    };
    await Promise.all(Array.from({ length: 40 }, worker));
  },

  async result(app, requestId) {
    print(JSON.stringify((await fal.queue.result(app, { requestId })).data));
  },

  async upload(file) {
    const { openAsBlob } = await import("node:fs");
    print(await fal.storage.upload(await openAsBlob(file, { type: "application/octet-stream" })));
  },

  async stream(app) {
    const events = await fal.stream(app, { input: {} });
    // Not its async iterator, which waits 16 ms after each event.
    events.on("data", (event) => print(JSON.stringify(event)));
    await events.done();
  },

  async realtime(app) {
    const Original = globalThis.WebSocket;
    globalThis.WebSocket = class extends Original {
      constructor(url, ...rest) {
        super(local(url), ...rest);
      }
    };
    const { createInterface } = await import("node:readline");
    let unanswered = 0;
    let isRead = false;
    await new Promise((resolve, reject) => {
      const connection = fal.realtime.connect(app, {
        connectionKey: "bench",
        throttleInterval: 0,
        onError: reject,
        onResult: (result) => {
          print(JSON.stringify(result));
          unanswered -= 1;
          if (isRead && unanswered === 0) resolve(connection.close());
        },
      });
      const lines = createInterface({ input: process.stdin });
      lines.on("line", (line) => {
        unanswered += 1;
        connection.send(JSON.parse(line));
      });
      lines.on("close", () => {
        isRead = true;
        if (unanswered === 0) resolve(connection.close());
      });
    });
    process.exit(); // the client's timer for its next token would keep it for minutes
  },
};

const [verb, ...words] = process.argv.slice(2);
await verbs[verb](...words);
