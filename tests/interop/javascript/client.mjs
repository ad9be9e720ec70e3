// The vendor's JavaScript client, unmodified, working through steps. It prints one JSON line per step: what it
// saw (`said`), or the stack of an exception that it did not expect (`error`).
//
// The client hard-codes its hosts and reads no variable for them, so `requestMiddleware` rewrites the host of
// each URL to those in the environment, and nothing else. The status stream of 1.10.1 passes through it as well
// (not with `connectionMode: "client"`, for browsers); `fetch` in the configuration is the guard that no request
// of any version gets out to the real service, should one bypass the middleware.
import { ApiError, ValidationError, createFalClient, fal } from "@fal-ai/client";

const HOSTS = {
  "fal.run": process.env.FAL_RUN_HOST,
  "queue.fal.run": process.env.FAL_QUEUE_RUN_HOST,
  "rest.fal.ai": process.env.FAL_REST_HOST,
};
const ECHO = "sandbox/echo";
const FLUX = "fal-ai/flux/schnell";
const LONG = 3600;
const QUICK = { queue: 0, run: 0 };

function rewriteHost(request) {
  const url = new URL(request.url);
  if (!HOSTS[url.host]) throw new Error(`no sandbox for ${url.host}`);
  url.host = HOSTS[url.host];
  return Promise.resolve({ ...request, url: url.toString() });
}

function fetchFromLoopback(url, init) {
  if (new URL(url).hostname !== "127.0.0.1") throw new Error(`bypassed the middleware: ${url}`);
  return fetch(url, init);
}

const config = { credentials: process.env.FAL_KEY, requestMiddleware: rewriteHost, fetch: fetchFromLoopback };
fal.config(config);

// The socket's URL is a constant that no middleware sees. Without a global WebSocket (node 20 wants a flag for it)
// there is no conversation to hold.
if (globalThis.WebSocket) {
  const Original = globalThis.WebSocket;
  globalThis.WebSocket = class extends Original {
    constructor(url, ...rest) {
      const local = new URL(url);
      local.host = HOSTS[local.host];
      super(local, ...rest);
    }
  };
}

/** The error that a call must raise, in a form that JSON can carry. */
async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const validation = error instanceof ValidationError;
    return {
      kind: error.name,
      status: error.status,
      body: error.body,
      requestId: error.requestId,
      isUserTimeout: error.isUserTimeout,
      validation,
      fields: validation ? error.getFieldErrors("num_images") : [],
    };
  }
  throw new Error("expected an ApiError");
}

/** Subscribes; answers the result, the id, and each update as it was at that moment. */
async function subscribed(options) {
  const updates = [];
  const enqueued = [];
  const result = await fal.subscribe(ECHO, {
    input: { text: "a kite", sandbox: { queue: 0.2, run: 0.4, logs: ["one", "two"] } },
    logs: true,
    onEnqueue: (id) => enqueued.push(id),
    onQueueUpdate: (update) => updates.push(structuredClone(update)),
    ...options,
  });
  return { result, enqueued, updates };
}

async function finished(endpoint, requestId) {
  return fal.queue.subscribeToStatus(endpoint, { requestId, logs: true, pollInterval: 50 });
}

/** The events of a request that would not end by itself, and is cancelled when the first has come. */
async function streamUntilCancelled(orders) {
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { sandbox: orders } });
  const stream = await fal.queue.streamStatus(ECHO, { requestId });
  const events = [];
  for await (const event of stream) {
    if (events.push(event) === 1) await fal.queue.cancel(ECHO, { requestId });
  }
  return events;
}

const steps = {
  async submit() {
    const answer = await fal.queue.submit(ECHO, { input: { text: "a kite", sandbox: { queue: LONG } } });
    await fal.queue.cancel(ECHO, { requestId: answer.request_id });
    return answer;
  },

  async follow() {
    const input = { prompt: "a kite", sandbox: { queue: 0.1, run: 0.2, logs: ["drawing"] } };
    const { request_id: requestId } = await fal.queue.submit(FLUX, { input });
    const first = await fal.queue.status(FLUX, { requestId, logs: true });
    await finished(FLUX, requestId);
    const last = await fal.queue.status(FLUX, { requestId, logs: true });
    const result = await fal.queue.result(FLUX, { requestId });
    const file = await fetch(result.data.images[0].url);
    const head = Buffer.from(await file.arrayBuffer()).subarray(0, 3).toString("hex");
    return { requestId, first, last, result, file: [file.status, file.headers.get("content-type"), head] };
  },

  async withoutLogs() {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { sandbox: { queue: 0, run: LONG } } });
    const running = await fal.queue.status(ECHO, { requestId });
    await fal.queue.cancel(ECHO, { requestId });
    return running;
  },

  async streamStatus() {
    const input = { sandbox: { queue: 0.1, run: 0.2, logs: ["one", "two"] } };
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    const stream = await fal.queue.streamStatus(ECHO, { requestId, logs: true });
    const events = [];
    stream.on("data", (event) => events.push(event));
    const done = await stream.done();
    return { requestId, streamId: stream.requestId, events, done };
  },

  cancelWhileStreamingTheQueue: () => streamUntilCancelled({ queue: LONG }),

  cancelWhileStreamingTheRun: () => streamUntilCancelled({ queue: 0, run: LONG }),

  async streamOfUnknownId() {
    const stream = await fal.queue.streamStatus(ECHO, { requestId: crypto.randomUUID() });
    return refused(stream.done());
  },

  async uploads() {
    const sizes = { small: 5, large: 91 * 1024 * 1024 }; // the client sends more than 90 MiB in parts
    const seen = {};
    for (const [name, size] of Object.entries(sizes)) {
      const data = new Uint8Array(size).map((_, index) => (index * 31 + (index >> 13)) & 255);
      const url = await fal.storage.upload(new File([data], `${name}.bin`, { type: "application/x-test" }));
      const back = new Uint8Array(await (await fetch(url)).arrayBuffer());
      seen[name] = { size: back.length, same: Buffer.compare(Buffer.from(data), Buffer.from(back)) === 0 };
    }
    return seen;
  },

  async modelStream() {
    const stream = await fal.stream("fal-ai/any-llm", { input: { prompt: "a kite" } });
    const events = [];
    for await (const event of stream) events.push(event);
    return { events, done: await stream.done() };
  },

  async realtime() {
    if (!globalThis.WebSocket) return null;
    const answers = [];
    await new Promise((resolve, reject) => {
      const connection = fal.realtime.connect(ECHO, {
        connectionKey: "interop",
        throttleInterval: 0,
        onError: reject,
        onResult: (result) => {
          answers.push(result);
          if (answers.length === 2) resolve(connection.close());
          else connection.send({ text: "two" });
        },
      });
      connection.send({ text: "one" });
    });
    return answers;
  },

  subscribePolling: () => subscribed({ mode: "polling", pollInterval: 50 }),

  subscribeStreaming: () => subscribed({ mode: "streaming" }),

  async run() {
    return fal.run(`${ECHO}/some/path`, { input: { text: "a kite ✓", sandbox: QUICK } });
  },

  async runWithGet() {
    return fal.run(ECHO, { method: "get", input: { text: "a kite", more: "1" } });
  },

  async runRefused() {
    return refused(fal.run(FLUX, { input: { num_images: 9 } }));
  },

  async cancelQueued() {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { sandbox: { queue: LONG } } });
    await fal.queue.cancel(ECHO, { requestId });
    return {
      status: await fal.queue.status(ECHO, { requestId }),
      result: await refused(fal.queue.result(ECHO, { requestId })),
      again: await refused(fal.queue.cancel(ECHO, { requestId })),
    };
  },

  async cancelRunning() {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { sandbox: { queue: 0, run: LONG } } });
    await fal.queue.cancel(ECHO, { requestId });
    const last = await finished(ECHO, requestId);
    return { last, result: await refused(fal.queue.result(ECHO, { requestId })) };
  },

  async invalidInput() {
    const input = { prompt: "a kite", num_images: 9, sandbox: QUICK };
    const { request_id: requestId } = await fal.queue.submit(FLUX, { input });
    const last = await finished(FLUX, requestId);
    return { last, result: await refused(fal.queue.result(FLUX, { requestId })) };
  },

  async failed() {
    const input = { sandbox: { ...QUICK, fail: { status: 500, body: { detail: "out of kites" } } } };
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    const last = await finished(ECHO, requestId);
    return { last, result: await refused(fal.queue.result(ECHO, { requestId })) };
  },

  async ingress() {
    const input = { text: "a kite", sandbox: { ...QUICK, fault: "result=html-502*1" } };
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input });
    await finished(ECHO, requestId);
    const { data } = await fal.queue.result(ECHO, { requestId });
    return { id: requestId, data };
  },

  async startDeadline() {
    const input = { sandbox: { queue: LONG } };
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input, startTimeout: 1.1 });
    await finished(ECHO, requestId);
    return refused(fal.queue.result(ECHO, { requestId }));
  },

  async tooEarly() {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { sandbox: { queue: LONG } } });
    const result = await refused(fal.queue.result(ECHO, { requestId }));
    await fal.queue.cancel(ECHO, { requestId });
    return result;
  },

  async options() {
    const answer = await fal.queue.submit(ECHO, {
      input: { sandbox: { queue: LONG } },
      priority: "low",
      hint: "warm-7",
      startTimeout: 30,
      storageSettings: { expiresIn: "1h" },
      headers: { "X-Fal-Store-IO": "0" },
    });
    await fal.queue.cancel(ECHO, { requestId: answer.request_id });
    return answer;
  },

  async unknownApp() {
    return [await refused(fal.queue.submit("no-one/nothing", {})), await refused(fal.run("no-one/nothing", {}))];
  },

  async unknownId() {
    const ask = { requestId: crypto.randomUUID() };
    const { status, result, cancel } = fal.queue;
    return [await refused(status(ECHO, ask)), await refused(result(ECHO, ask)), await refused(cancel(ECHO, ask))];
  },

  async wrongKey() {
    const stranger = createFalClient({ ...config, credentials: "someone:else" });
    return refused(stranger.queue.submit(ECHO, { input: {} }));
  },

  async webhook() {
    return refused(fal.queue.submit(ECHO, { input: {}, webhookUrl: "https://example.com/hook?a=1&b=2" }));
  },
};

for (const [step, work] of Object.entries(steps)) {
  const line = { step };
  try {
    line.said = await work();
  } catch (error) {
    line.error = String(error?.stack ?? error);
  }
  console.log(JSON.stringify(line));
}
