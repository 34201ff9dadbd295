// Shows an answer: the worklist with its deadlines, any other data as tables and facts, an error with what to do.

const DUE_CLASSES = { late: "badge late", today: "badge soon", in_24_h: "badge soon" };
const DUE_WORDS = { today: ", today" }; // what the time that is left does not say
const MAX_DEPTH = 3; // of sections in sections; what lies deeper is written as text

function buildFacts(pairs) {
  const filled = pairs.filter(([, value]) => !isEmpty(value));
  if (filled.length === 0) return null;
  const items = filled.flatMap(([name, value]) => [
    build("dt", {}, toLabel(name)),
    build("dd", {}, buildValue(value, isScalar(value) ? findKind(name, [value]) : "text")),
  ]);
  return build("dl", {}, ...items);
}

function buildNotice(className, title, texts) {
  const lines = texts.map((text) => build("li", {}, text));
  return build("div", { class: `notice ${className}`, role: "note" }, build("h2", {}, title), build("ul", {}, ...lines));
}

// Data of any shape: values as facts, lists as tables, objects as sections of their own.
function buildData(data, options, depth = 0) {
  const entries = Object.entries(data);
  const isFact = ([, value]) => isScalar(value) || (Array.isArray(value) && value.every(isScalar));
  const parts = [buildFacts(entries.filter(isFact))];
  for (const [name, value] of entries.filter((entry) => !isFact(entry))) {
    const openLink = options.untrusted.some((path) => path.split(".")[0] === name) ? null : options.openLink;
    if (isTable(value)) parts.push(buildTable(toLabel(name), value, { kinds: options.kinds, openLink }));
    else if (isRowList(value)) parts.push(buildTable(toLabel(name), toTable(value), { openLink }));
    else if (isObject(value) && Object.values(value).every(isScalar)) parts.push(buildDetails(toLabel(name), buildFacts(Object.entries(value))));
    else if (isObject(value) && depth < MAX_DEPTH) parts.push(buildSection(toLabel(name), ...buildData(value, options, depth + 1)));
    else parts.push(buildFacts([[name, value]]));
  }
  return parts;
}

function buildDetails(title, ...children) {
  return build("details", {}, build("summary", {}, title), ...children);
}

function buildWorklist(data, options) {
  const { now, as_of: asOf, worklist, kinds, late, due_today: today, due_in_24_h: soon, in_all: inAll, by_shop: byShop, ...rest } = data;
  const counts = [[late, "late", "late"], [today, "due today", "soon"], [soon, "due within 24 h", ""], [inAll, "in all", ""]];
  const badges = counts.map(([count, words, className]) =>
    build("li", { class: `badge ${count ? className : ""}` }, `${count} ${words}`),
  );
  return [
    build("ul", { class: "counts" }, ...badges),
    buildTable("By deadline", joinEntries(worklist, kinds), { cells: { deadline: (value, row) => buildDeadline(value, row.at(-1), now) } }),
    byShop ? buildTable("By shop", byShop) : null,
    buildDetails("What happens otherwise, and which tool does it", buildTable("Kinds of work", kinds)),
    ...buildData({ as_of: asOf, ...rest }, options),
  ];
}

// An entry in few columns; behind them, where no column names it, how urgent it is.
function joinEntries(worklist, kinds) {
  const whatByKind = new Map(toRecords(kinds).map(({ kind, what }) => [kind, what]));
  const joinLines = (...texts) => texts.filter((text) => !isEmpty(text)).join("\n");
  const hasShops = worklist.columns.includes("shop");
  const rows = toRecords(worklist).map((entry) => [
    entry.deadline,
    ...(hasShops ? [entry.shop] : []),
    whatByKind.get(entry.kind) ?? entry.kind,
    joinLines(entry.product_name, entry.detail),
    joinLines(entry.id, entry.order_id && `order ${entry.order_id}`),
    entry.due,
  ]);
  return { columns: ["deadline", ...(hasShops ? ["shop"] : []), "what", "detail", "id"], rows };
}

function buildDeadline(deadline, due, now) {
  if (isEmpty(deadline)) return "";
  const words = `${describeDistance(deadline, now)}${DUE_WORDS[due] ?? ""}`;
  const time = build("time", { datetime: deadline, title: deadline }, formatTime(deadline));
  return build("span", {}, time, " ", build("span", { class: DUE_CLASSES[due] ?? "quiet" }, words));
}

function buildError({ error, message, hint, problems = [], ...rest }) {
  const texts = [message, hint].filter((text) => !isEmpty(text));
  const data = buildData({ error, ...(problems.length ? { problems } : {}), ...rest }, { untrusted: [], kinds: {} });
  return [buildNotice("late", "That did not work", texts), ...data];
}

// What stands beside the data: of which shop it is, what is left out, who wrote what.
function buildFooter({ note, shop, sandbox, left_out: leftOut, untrusted = [] }) {
  const lines = [
    sandbox ? "This is a simulated shop: nothing here is real." : null,
    shop ? `Shop: ${shop}` : null,
    leftOut ? `${leftOut} more did not fit: ask the assistant for the rest.` : null,
    untrusted.length ? `Written by buyers or others: ${untrusted.map(toLabel).join(", ")}.` : null,
    note ?? null,
  ].filter(Boolean);
  if (lines.length === 0) return null;
  return build("footer", { class: "quiet small" }, ...lines.map((line) => build("p", {}, line)));
}

const PICTURE_PATTERN = /^image\/(png|jpeg)$/;
const BASE64_PATTERN = /^[A-Za-z0-9+/]+=*$/;

function buildPictures(content, data) {
  const pictures = content.filter(({ type, mimeType, data: bytes }) => type === "image" && PICTURE_PATTERN.test(mimeType) && BASE64_PATTERN.test(bytes));
  const words = isObject(data) && ("labels" in data || "pages" in data || "page_table" in data) ? "The first page of the labels" : "A picture of the answer";
  return pictures.map(({ mimeType, data: bytes }) =>
    build("figure", {}, build("img", { src: `data:${mimeType};base64,${bytes}`, alt: words }), build("figcaption", { class: "quiet small" }, words)),
  );
}
