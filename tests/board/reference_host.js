// A host's page made of the reference implementation: its bridge to the app, and the SDK's client to the server.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { AppBridge, PostMessageTransport, RESOURCE_MIME_TYPE, getToolUiResourceUri } from "@modelcontextprotocol/ext-apps/app-bridge";

const HOST = { name: "reference-host", version: "1" };
const frame = document.createElement("iframe");
const events = []; // what the app told and asked of the host itself, in order
let client = null;
let bridge = null;

// Loads the sandbox, in it the app that a tool is tied to, and waits until the app says that it is initialized.
async function open({ serverUrl, sandboxUrl, negotiation, tool: name, context, capabilities }) {
  client = new Client(HOST, { versionNegotiation: { mode: negotiation } });
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl)));
  const tool = (await client.listTools()).tools.find((each) => each.name === name);
  const { contents: [page] } = await client.readResource({ uri: getToolUiResourceUri(tool) });
  if (page.mimeType !== RESOURCE_MIME_TYPE) throw new Error(`This is no app but ${page.mimeType}.`);

  bridge = new AppBridge(client, HOST, capabilities, { hostContext: { toolInfo: { tool }, ...context } });
  const sandboxReady = new Promise((resolve) => { bridge.onsandboxready = resolve; });
  const initialized = new Promise((resolve) => { bridge.oninitialized = resolve; });
  bridge.onsizechange = (size) => {
    events.push({ size });
    frame.style.height = `${size.height}px`;
  };
  bridge.onopenlink = async ({ url }) => {
    events.push({ link: url });
    return {};
  };
  bridge.onupdatemodelcontext = async ({ content }) => {
    events.push({ context: content });
    return {};
  };
  bridge.onerror = (error) => console.error(String(error)); // a message that is not as the reference wants it, too
  frame.title = "Sandbox";
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
  document.body.append(frame);
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  frame.src = sandboxUrl;
  await sandboxReady;
  await bridge.sendSandboxResourceReady({ html: page.text, csp: page._meta.ui.csp });
  await initialized;
  return { version: client.getNegotiatedProtocolVersion(), app: bridge.getAppVersion(), capabilities: bridge.getAppCapabilities() };
}

// Calls a tool as a model does: the app is sent what was asked, and then the answer.
async function call(name, input) {
  await bridge.sendToolInput({ arguments: input });
  const result = await client.callTool({ name, arguments: input });
  await bridge.sendToolResult(result);
  return result;
}

window.referenceHost = {
  events,
  open,
  call,
  callQuietly: (name, input) => client.callTool({ name, arguments: input }),
  sendInput: (input) => bridge.sendToolInput({ arguments: input }),
  sendResult: (result) => bridge.sendToolResult(result),
  cancel: (reason) => bridge.sendToolCancelled({ reason }),
  changeContext: (context) => bridge.setHostContext(context),
  async close() {
    const answer = await bridge.teardownResource({});
    frame.remove();
    await bridge.close();
    await client.close();
    return answer;
  },
};
