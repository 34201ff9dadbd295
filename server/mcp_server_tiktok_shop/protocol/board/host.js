// Speaks JSON-RPC with the host, the window that holds this one, by the specification of MCP Apps.

const PROTOCOL_VERSION = "2026-01-26";
const METHOD_NOT_FOUND = -32601;

class Host {
  constructor(handlers) {
    this.handlers = handlers; // by method; what one gives back answers a request
    this.waiting = new Map(); // the ends of requests that have no answer yet, by id
    this.lastId = 0;
    this.capabilities = {};
    this.listener = (event) => event.source === window.parent && this.receive(event.data);
    window.addEventListener("message", this.listener);
  }

  async connect() {
    const answer = await this.request("ui/initialize", {
      appInfo: { name: "tiktok-shop-board", title: "TikTok Shop board", version: BOARD_VERSION },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: PROTOCOL_VERSION,
    });
    this.capabilities = answer.hostCapabilities ?? {};
    return answer.hostContext ?? {};
  }

  request(method, params) {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.post({ id, method, params });
    });
  }

  notify(method, params = {}) {
    this.post({ method, params });
  }

  close() {
    window.removeEventListener("message", this.listener);
  }

  post(message) {
    // No page knows its host's origin; what is sent reaches that one window all the same.
    window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }

  receive(message) {
    if (message?.jsonrpc !== "2.0") return;
    if (typeof message.method === "string") {
      this.answer(message);
      return;
    }
    const end = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.error) end?.reject(new Error(String(message.error.message ?? "The host refused.")));
    else end?.resolve(message.result ?? {});
  }

  answer({ id, method, params }) {
    const handler = Object.hasOwn(this.handlers, method) ? this.handlers[method] : null;
    const result = handler?.(params ?? {});
    if (id === undefined) return;
    if (handler) this.post({ id, result: result ?? {} });
    else this.post({ id, error: { code: METHOD_NOT_FOUND, message: `There is no method ${method}.` } });
    if (method === "ui/resource-teardown") this.close();
  }
}
