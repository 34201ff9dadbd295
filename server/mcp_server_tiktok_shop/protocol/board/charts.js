// Draws a chart of the points beside an answer as SVG, with the values under the pointer or the arrow keys.

const CHART_HEIGHT_PX = 250;
const BAR_HEIGHT_PX = 20;
const MAX_LABEL_CHARACTERS = 21;
const LABEL_PX = 6.8; // of a character on an axis
const DAY_MS = 86_400_000;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DASHES = [null, "7 4", "2 3", "10 3 2 3"]; // lines are told apart by more than colour

// Its rows are x, y and, where there is one, series; where a line has gaps, `pieces` numbers what each row is of.
function buildChart(chart) {
  const points = chart.rows.map(([x, y, series], place) => ({ x, y: Number(y), series: series ?? "", piece: chart.pieces?.[place] ?? 0 }));
  const series = [...new Set(points.map((point) => point.series))];
  const { kind } = chart;
  const reading = build("output", { class: "reading small", "aria-live": "polite" }, "Point at it for values, or use the arrow keys.");
  const area = build("div", {
    class: "chart", tabindex: "0", role: "group", "aria-roledescription": "chart",
    "aria-label": `${chart.title}: ${toLabel(chart.y)} by ${toLabel(chart.x)}. The arrow keys read its values.`,
  });
  const figure = build("figure", {}, build("h2", {}, chart.title), buildLegend(series, kind), area, reading);
  let drawing = null;
  let place = -1;

  figure.fit = (width) => {
    drawing = { heat: drawHeat, scatter: drawScatter }[kind]?.(chart, points, series, width) ?? drawGroups(chart, points, series, width);
    area.replaceChildren(drawing.svg);
    place = -1;
  };

  function show(index) {
    place = Math.max(0, Math.min(drawing.targets.length - 1, index));
    const { x, y, text } = drawing.targets[place];
    drawing.svg.querySelector(".mark")?.remove();
    drawing.svg.append(buildSvg("circle", { class: "mark", cx: x, cy: y, r: 6 }));
    reading.textContent = text;
  }

  function showNearest(event) {
    const box = drawing.svg.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    const distances = drawing.targets.map(({ x, y }) => drawing.measure(x - left, y - top));
    show(distances.indexOf(Math.min(...distances)));
  }

  area.addEventListener("pointermove", showNearest);
  area.addEventListener("pointerdown", showNearest);
  area.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(place + step);
  });
  tables.add(figure);
  figure.fit(measureWidth());
  return figure;
}

function buildLegend(series, kind) {
  if (kind === "heat" || series.length < 2) return null;
  const items = series.map((name, index) => build("li", {}, build("span", { class: `swatch series-${index % 8}` }), name));
  return build("ul", { class: "counts small" }, ...items);
}

function writeAmount(value, chart) {
  const text = chart.currency ? formatNumber(Number(value).toFixed(Number.isInteger(value) ? 0 : 2)) : formatNumber(value);
  return chart.currency ? `${text} ${chart.currency}` : text;
}

function writeX(x, chart) {
  return chart.x_type === "time" && TIME_PATTERN.test(x) ? formatTime(x) : String(x);
}

function shorten(text) {
  const characters = [...String(text)];
  return characters.length > MAX_LABEL_CHARACTERS ? `${characters.slice(0, MAX_LABEL_CHARACTERS - 1).join("")}…` : text;
}

function makeScale([low, high], [start, end]) {
  const span = high - low || 1;
  return (value) => start + ((value - low) / span) * (end - start);
}

// Round numbers that cover the values, about four of them.
function chooseTicks(values, { fromZero }) {
  const low = Math.min(...values, ...(fromZero ? [0] : []));
  const high = Math.max(...values, ...(fromZero ? [0] : []));
  const rough = (high - low || Math.abs(high) || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let tick = Math.floor(low / step); tick * step < high + step * 0.999; tick += 1) ticks.push(Number((tick * step).toPrecision(12)));
  return ticks;
}

function startSvg(width, height) {
  return buildSvg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
}

function addText(svg, x, y, text, anchor = "start") {
  svg.append(buildSvg("text", { x, y, "text-anchor": anchor }, text));
}

function addLine(svg, x1, y1, x2, y2) {
  svg.append(buildSvg("line", { class: "axis", x1, y1, x2, y2 }));
}

// The points of each x together, and of each what its part of the axis is: from nothing, or from those below it.
function groupPoints(chart, points, series) {
  const groups = new Map();
  for (const point of points) {
    if (!groups.has(point.x)) groups.set(point.x, { x: point.x, values: [], above: 0, below: 0 });
    const group = groups.get(point.x);
    const isStacked = chart.kind === "stacked" || chart.kind === "area";
    const side = point.y < 0 ? "below" : "above";
    const from = isStacked ? group[side] : 0;
    group[side] = from + point.y;
    group.values.push({ ...point, from, to: from + point.y, index: series.indexOf(point.series) });
  }
  const inOrder = [...groups.values()];
  return chart.x_type === "time" ? inOrder.sort((a, b) => String(a.x).localeCompare(String(b.x))) : inOrder;
}

function drawGroups(chart, points, series, width) {
  const groups = groupPoints(chart, points, series);
  const values = groups.flatMap((group) => group.values.flatMap(({ from, to }) => [from, to]));
  const ticks = chooseTicks(values, { fromZero: true });
  const isAside = chart.x_type !== "time" && (chart.kind === "bar" || chart.kind === "stacked");
  return isAside ? drawAside(chart, groups, series, ticks, width) : drawUpright(chart, groups, series, ticks, width);
}

function describeGroup(group, chart) {
  const amounts = group.values.map(({ series, y }) => (series ? `${series} ${writeAmount(y, chart)}` : writeAmount(y, chart)));
  return `${writeX(group.x, chart)}: ${amounts.join(", ")}`;
}

// Names stand one below the other, where they can be read, and bars go to the right.
function drawAside(chart, groups, series, ticks, width) {
  const rows = chart.kind === "bar" ? Math.max(1, series.length) : 1;
  const barHeight = rows > 1 ? BAR_HEIGHT_PX / 1.6 : BAR_HEIGHT_PX;
  const groupHeight = barHeight * rows + 8;
  const height = groups.length * groupHeight + 30;
  const labels = groups.map((group) => shorten(writeX(group.x, chart)));
  const left = Math.min(width * 0.4, Math.max(...labels.map((label) => label.length)) * LABEL_PX + 10);
  const scale = makeScale([ticks[0], ticks.at(-1)], [left, width - 24]);
  const svg = startSvg(width, height);
  for (const tick of ticks) {
    addLine(svg, scale(tick), 0, scale(tick), height - 24);
    addText(svg, scale(tick), height - 8, formatNumber(tick), "middle");
  }
  const targets = groups.map((group, place) => {
    const top = place * groupHeight + 4;
    addText(svg, left - 6, top + (groupHeight - 8) / 2 + 4, labels[place], "end");
    for (const { from, to, index } of group.values) {
      const y = rows > 1 ? top + index * barHeight : top;
      const [start, end] = [scale(from), scale(to)].sort((a, b) => a - b);
      svg.append(buildSvg("rect", { class: `fill series-${index % 8}`, x: start, y, width: end - start, height: barHeight - 1 }));
    }
    const end = Math.max(...group.values.map(({ to }) => scale(to)));
    return { x: end, y: top + (groupHeight - 8) / 2, text: describeGroup(group, chart) };
  });
  return { svg, targets, measure: (_x, y) => Math.abs(y) };
}

// Days and the shop's clock, as they stand: no zone of the reader's moves them.
function readMoment(text) {
  return Date.parse(text.includes("T") ? `${text.slice(0, 16)}Z` : `${text}T00:00Z`);
}

// Time goes to the right, values go up.
function drawUpright(chart, groups, series, ticks, width) {
  const left = Math.max(...ticks.map((tick) => formatNumber(tick).length)) * LABEL_PX + 14;
  const bottom = CHART_HEIGHT_PX - 26;
  const isTime = chart.x_type === "time";
  const moments = groups.map((group, place) => (isTime ? readMoment(group.x) : place));
  const gaps = moments.slice(1).map((moment, place) => moment - moments[place]);
  const gap = Math.min(...gaps, isTime ? 31 * DAY_MS : 1);
  const [first, last] = [moments[0] - gap / 2, moments.at(-1) + gap / 2];
  const toX = makeScale([first, last], [left, width - 12]);
  const toY = makeScale([ticks[0], ticks.at(-1)], [bottom, 10]);
  const svg = startSvg(width, CHART_HEIGHT_PX);
  for (const tick of ticks) {
    addLine(svg, left, toY(tick), width - 12, toY(tick));
    addText(svg, left - 6, toY(tick) + 4, formatNumber(tick), "end");
  }
  const labels = groups.map((group) => writeX(group.x, chart));
  const labelWidth = Math.max(...labels.map((label) => label.length)) * LABEL_PX + 16;
  const every = Math.max(1, Math.ceil((labels.length * labelWidth) / (width - left - 12)));
  labels.forEach((label, place) => place % every === 0 && addText(svg, toX(moments[place]), CHART_HEIGHT_PX - 8, label, "middle"));
  const isColumns = chart.kind === "bar" || chart.kind === "stacked";
  const bandWidth = Math.max(1, (toX(first + gap) - toX(first)) * 0.72);
  if (isColumns) drawColumns(chart, groups, series, { svg, toY, bandWidth, positions: moments.map(toX) });
  else drawLines(chart, groups, series, { svg, toY, positions: moments.map(toX) });
  const targets = groups.map((group, place) => {
    const top = Math.min(...group.values.map(({ to }) => toY(to)));
    return { x: toX(moments[place]), y: top, text: describeGroup(group, chart) };
  });
  return { svg, targets, measure: (x) => Math.abs(x) };
}

function drawColumns(chart, groups, series, { svg, toY, bandWidth, positions }) {
  const count = chart.kind === "bar" ? Math.max(1, series.length) : 1;
  groups.forEach((group, place) => {
    for (const { from, to, index } of group.values) {
      const width = bandWidth / count;
      const x = positions[place] - bandWidth / 2 + (count > 1 ? index * width : 0);
      const [top, end] = [toY(from), toY(to)].sort((a, b) => a - b);
      svg.append(buildSvg("rect", { class: `fill series-${index % 8}`, x, y: top, width, height: end - top }));
    }
  });
}

function drawLines(chart, groups, series, { svg, toY, positions }) {
  series.forEach((name, index) => {
    const pieces = new Map();
    groups.forEach((group, place) => {
      const value = group.values.find((each) => each.series === name);
      if (!value) return;
      if (!pieces.has(value.piece)) pieces.set(value.piece, []);
      pieces.get(value.piece).push({ x: positions[place], top: toY(value.to), end: toY(value.from) });
    });
    for (const places of pieces.values()) drawPiece(chart, places, index, svg);
  });
}

function drawPiece(chart, places, index, svg) {
  const line = places.map(({ x, top }) => `${x},${top}`).join(" ");
  const back = [...places].reverse().map(({ x, end }) => `${x},${end}`).join(" ");
  const shape = `series-${index % 8}`;
  if (places.length === 1) svg.append(buildSvg("circle", { class: `fill ${shape}`, cx: places[0].x, cy: places[0].top, r: 3 }));
  else if (chart.kind === "area") svg.append(buildSvg("polygon", { class: `area ${shape}`, points: `${line} ${back}` }));
  else svg.append(buildSvg("polyline", { class: `stroke ${shape}`, points: line, "stroke-dasharray": DASHES[index % DASHES.length] }));
}

function drawScatter(chart, points, series, width) {
  const [xTicks, yTicks] = ["x", "y"].map((axis) => chooseTicks(points.map((point) => Number(point[axis])), { fromZero: false }));
  const left = Math.max(...yTicks.map((tick) => formatNumber(tick).length)) * LABEL_PX + 14;
  const bottom = CHART_HEIGHT_PX - 42;
  const toX = makeScale([xTicks[0], xTicks.at(-1)], [left, width - 20]);
  const toY = makeScale([yTicks[0], yTicks.at(-1)], [bottom, 10]);
  const svg = startSvg(width, CHART_HEIGHT_PX);
  for (const tick of yTicks) {
    addLine(svg, left, toY(tick), width - 12, toY(tick));
    addText(svg, left - 6, toY(tick) + 4, formatNumber(tick), "end");
  }
  for (const tick of xTicks) addText(svg, toX(tick), bottom + 16, formatNumber(tick), "middle");
  addText(svg, width - 20, CHART_HEIGHT_PX - 8, toLabel(chart.x), "end");
  const targets = points.map((point) => {
    const [x, y] = [toX(Number(point.x)), toY(point.y)];
    svg.append(buildSvg("circle", { class: `fill series-${series.indexOf(point.series) % 8}`, cx: x, cy: y, r: 4 }));
    const name = point.series ? `${point.series}: ` : "";
    return { x, y, text: `${name}${toLabel(chart.x)} ${formatNumber(point.x)}, ${toLabel(chart.y)} ${writeAmount(point.y, chart)}` };
  });
  return { svg, targets, measure: Math.hypot };
}

function orderLabels(labels) {
  const unique = [...new Set(labels)];
  const days = unique.map((label) => WEEKDAYS.indexOf(String(label).slice(0, 3)));
  if (days.every((day) => day >= 0)) return unique.sort((a, b) => WEEKDAYS.indexOf(a.slice(0, 3)) - WEEKDAYS.indexOf(b.slice(0, 3)));
  return unique.sort((a, b) => String(a).localeCompare(String(b), "en", { numeric: true }));
}

function drawHeat(chart, points, _series, width) {
  const across = orderLabels(points.map((point) => point.x));
  const down = orderLabels(points.map((point) => point.series));
  const left = Math.max(...down.map((label) => shorten(label).length)) * LABEL_PX + 12;
  const cellWidth = (width - left - 8) / across.length;
  const height = down.length * (BAR_HEIGHT_PX + 2) + 24;
  const most = Math.max(...points.map((point) => Math.abs(point.y)), 1e-9);
  const svg = startSvg(width, height);
  down.forEach((label, place) => addText(svg, left - 6, place * (BAR_HEIGHT_PX + 2) + 14, shorten(label), "end"));
  const every = Math.max(1, Math.ceil((Math.max(...across.map((label) => String(label).length)) * LABEL_PX + 8) / cellWidth));
  across.forEach((label, place) => place % every === 0 && addText(svg, left + (place + 0.5) * cellWidth, height - 8, label, "middle"));
  const targets = points.map((point) => {
    const x = left + across.indexOf(point.x) * cellWidth;
    const y = down.indexOf(point.series) * (BAR_HEIGHT_PX + 2);
    const opacity = (0.06 + (0.94 * Math.abs(point.y)) / most).toFixed(3);
    const size = { x, y, width: Math.max(1, cellWidth - 2), height: BAR_HEIGHT_PX, "fill-opacity": opacity };
    svg.append(buildSvg("rect", { class: "fill series-0", ...size }));
    return { x: x + cellWidth / 2, y: y + BAR_HEIGHT_PX / 2, text: `${point.series}, ${point.x}: ${writeAmount(point.y, chart)}` };
  });
  return { svg, targets, measure: Math.hypot };
}
