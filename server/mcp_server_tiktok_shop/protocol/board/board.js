// The board: connects to the host, and shows what the host hands on.

const CHART_META = "tiktok-shop/chart";
const THEMES = ["light", "dark"];
const VARIABLE_PATTERN = /^--[a-z0-9-]+$/;

const main = document.getElementById("board");
const context = {}; // the host's, as it was last changed
const size = { width: 0, height: 0 }; // as it was last told to the host
let asked = {}; // the arguments of the call
const host = new Host({
  "ui/notifications/tool-input": showInput,
  "ui/notifications/tool-result": show,
  "ui/notifications/tool-cancelled": ({ reason }) => showMessage(reason ? `The call was cancelled: ${reason}` : "The call was cancelled."),
  "ui/notifications/host-context-changed": applyContext,
  "ui/resource-teardown": tearDown,
  ping: () => ({}),
});

function applyContext(changes) {
  Object.assign(context, changes);
  if (THEMES.includes(context.theme)) document.documentElement.dataset.theme = context.theme;
  if ("styles" in changes) wearVariables(changes.styles?.variables ?? {});
  const { top = 0, right = 0, bottom = 0, left = 0 } = context.safeAreaInsets ?? {};
  document.body.style.padding = [top, right, bottom, left].map((side) => `${Number(side)}px`).join(" ");
}

// A change names all variables: those of before that it lacks are gone. The host's fonts are not loaded, as this page
// fetches nothing: their names go to those that the system has.
function wearVariables(variables) {
  const { style } = document.documentElement;
  for (const name of [...style].filter((each) => VARIABLE_PATTERN.test(each))) style.removeProperty(name);
  for (const [name, value] of Object.entries(variables)) {
    if (VARIABLE_PATTERN.test(name) && typeof value === "string") style.setProperty(name, value);
  }
}

function readAnswer(result) {
  const text = (result.content ?? []).find((block) => block.type === "text")?.text ?? "";
  try {
    const answer = JSON.parse(text);
    return isObject(answer) ? answer : { note: text };
  } catch (error) {
    if (error instanceof SyntaxError) return { note: text }; // words of the host's own, in the place of the answer
    throw error;
  }
}

function buildAnswer(result) {
  const answer = readAnswer(result);
  const { untrusted = [], error } = answer;
  const { note = answer.note, ...data } = answer.data ?? {};
  const options = { untrusted, openLink: host.capabilities.openLinks ? openLink : null, kinds: chooseKinds(data.types) };
  if (error) return buildError(answer);
  if (answer.status === "confirmation_required") {
    return answer.preview ? buildPreview(answer, options, { agree: host.capabilities.serverTools ? agree : null, decline }) : [buildFooter(answer)];
  }
  const chart = result._meta?.[CHART_META];
  const { data: _data, note: _note, shop: _shop, sandbox: _sandbox, untrusted: _untrusted, left_out: _leftOut, ...beside } = answer;
  return [
    ...(chart ? [buildChart(chart)] : buildPictures(result.content ?? [], data)),
    ...(data.worklist && data.kinds ? buildWorklist(data, options) : buildData(data, options)),
    ...buildData(beside, options),
    buildFooter({ ...answer, note }),
  ];
}

// Of a query's columns the answer itself says what they are.
function chooseKinds(types = {}) {
  const kindOf = (type) => (/DECIMAL|INT|DOUBLE/.test(type) ? "number" : /TIME|DATE/.test(type) ? "time" : "text");
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, kindOf(type)]));
}

function buildHeading() {
  const { title, name, annotations } = context.toolInfo?.tool ?? {};
  return build("h1", {}, title ?? annotations?.title ?? (name ? toLabel(name) : "TikTok Shop"));
}

function showInput({ arguments: input = {} }) {
  asked = input;
  main.replaceChildren(buildHeading(), build("p", { class: "quiet" }, "Waiting for the answer …"));
}

function show(result) {
  tables.clear();
  const question = Object.keys(asked).length ? buildDetails("What was asked", ...buildData(asked, { untrusted: [], kinds: {} })) : null;
  main.replaceChildren(...[buildHeading(), ...buildAnswer(result), question].filter(Boolean));
  main.removeAttribute("aria-busy");
}

function showMessage(text) {
  main.replaceChildren(build("p", { class: "quiet", role: "status" }, text));
  main.removeAttribute("aria-busy");
}

async function agree(token, operation) {
  const result = await host.request("tools/call", { name: CONFIRM_TOOL, arguments: { token } });
  const text = result.content?.find((block) => block.type === "text")?.text ?? "";
  tellModel(`The person agreed to ${operation} on the board. ${CONFIRM_TOOL} answered: ${text}`);
  const heading = build("h2", {}, result.isError ? "It was not done" : "Outcome");
  return [heading, ...buildAnswer(result)].filter(Boolean);
}

function decline(operation) {
  tellModel(`The person declined ${operation} on the board: nothing was sent. Leave it, unless they ask for it again.`);
}

// What a person decides here, the assistant has to know.
function tellModel(text) {
  const request = host.capabilities.updateModelContext
    ? host.request("ui/update-model-context", { content: [{ type: "text", text }] })
    : Promise.reject(new Error("this host has no way to"));
  request.catch((error) => announce(`Tell the assistant what you decided: the board could not (${error.message}).`));
}

function openLink(url) {
  const fail = (reason) => announce(`The link was not opened (${reason}).`);
  host.request("ui/open-link", { url }).then((result) => result.isError && fail("the host refused"), (error) => fail(error.message));
}

function announce(text) {
  main.append(build("p", { role: "status" }, text));
}

function reportSize() {
  const { clientWidth: width } = document.documentElement;
  if (width !== size.width) for (const part of tables) part.fit(measureWidth());
  const height = Math.ceil(document.body.getBoundingClientRect().height);
  if (width === size.width && height === size.height) return;
  Object.assign(size, { width, height });
  host.notify("ui/notifications/size-changed", { width, height });
}

const observer = new ResizeObserver(reportSize);

function tearDown() {
  observer.disconnect();
  return {};
}

async function start() {
  applyContext(await host.connect());
  host.notify("ui/notifications/initialized");
  observer.observe(document.body);
}

start().catch((error) => showMessage(`The board could not be opened: ${error.message}`));
