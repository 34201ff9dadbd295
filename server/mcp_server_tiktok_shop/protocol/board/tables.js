// Draws tables: sorted by a click on a column's name, a card for each row where they are too wide for their place.

const FIRST_ROWS = 20; // a chat is no place for two hundred rows before they are asked for
const CHARACTER_PX = 7.2;
const MIN_TEXT_CHARACTERS = 18; // of a column of texts, which are broken into lines at their words
const PADDING_PX = 18;
const tables = new Set(); // those on the page, to be fitted anew when its width changes

// `cells` are functions by column, which draw what another than `buildValue` draws.
function buildTable(title, { columns, rows }, { cells = {}, kinds = {}, openLink = null } = {}) {
  const valuesOf = (place) => rows.map((row) => row[place]);
  const columnKinds = columns.map((name, place) => kinds[name] ?? findKind(name, valuesOf(place)));
  const state = { place: null, isDescending: false, limit: FIRST_ROWS, order: rows };
  const section = buildSection(title);
  const body = build("tbody", { role: "rowgroup" });
  const heads = columns.map((name, place) => {
    const label = buildButton(toLabel(name), () => sort(place));
    const className = columnKinds[place] === "number" ? "number" : null;
    return build("th", { scope: "col", role: "columnheader", "aria-sort": "none", class: className }, label);
  });
  const head = build("thead", { role: "rowgroup" }, build("tr", { role: "row" }, ...heads));
  const labelId = section.firstChild.id;
  const table = build("table", { role: "table", "aria-labelledby": labelId }, head, body);
  const more = buildButton("", () => showAll(), "more");

  function sort(place) {
    state.isDescending = state.place === place && !state.isDescending;
    state.place = place;
    const sign = state.isDescending ? -1 : 1;
    state.order = [...rows].sort((first, second) => {
      const [a, b] = [first[place], second[place]];
      if (isEmpty(a) || isEmpty(b)) return Number(isEmpty(a)) - Number(isEmpty(b)); // last, whichever way
      return sign * compareValues(a, b, columnKinds[place]);
    });
    const direction = state.isDescending ? "descending" : "ascending";
    heads.forEach((th, index) => th.setAttribute("aria-sort", index === place ? direction : "none"));
    draw();
  }

  function showAll() {
    const first = state.limit;
    state.limit = rows.length;
    draw();
    body.children[first]?.setAttribute("tabindex", "-1"); // the button is gone: reading goes on at the first new row
    body.children[first]?.focus({ preventScroll: true });
  }

  function draw() {
    body.replaceChildren(...state.order.slice(0, state.limit).map(buildRow));
    more.textContent = `Show all ${rows.length} rows`;
    more.hidden = rows.length <= state.limit;
  }

  function buildRow(row) {
    const cellElements = columns.map((name, place) => {
      const content = cells[name]?.(row[place], row) ?? buildValue(row[place], columnKinds[place], openLink);
      const className = isEmpty(row[place]) ? "empty" : columnKinds[place] === "number" ? "number" : null;
      return build("td", { role: "cell", "data-label": toLabel(name), class: className }, content);
    });
    return build("tr", { role: "row" }, ...cellElements);
  }

  function estimateWidth() {
    const widths = columns.map((name, place) => {
      let [longest, longestWord] = [0, 0];
      for (const text of [...valuesOf(place).map(writeText), ...toLabel(name).split(" ")]) {
        longest = Math.max(longest, text.length);
        for (const word of text.split(/\s/)) longestWord = Math.max(longestWord, word.length);
      }
      return Math.max(longestWord, Math.min(longest, MIN_TEXT_CHARACTERS)) * CHARACTER_PX + PADDING_PX;
    });
    return widths.reduce((sum, width) => sum + width, 0);
  }

  const neededWidth = estimateWidth();
  section.fit = (width) => table.classList.toggle("cards", neededWidth > width);
  section.fit(measureWidth());
  draw();
  section.append(rows.length ? table : build("p", { class: "quiet" }, "Nothing is in it."), more);
  tables.add(section);
  return section;
}

function toRecords({ columns, rows }) {
  return rows.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])));
}

// Lists of objects as a table: an object within them gives a column for each of its values.
function toTable(items) {
  const flatten = (item, prefix = "") =>
    Object.entries(item).flatMap(([name, value]) =>
      isObject(value) && Object.values(value).every(isScalar) ? flatten(value, `${prefix}${name}.`) : [[prefix + name, value]],
    );
  const flat = items.map((item) => new Map(flatten(item)));
  const columns = [...new Set(flat.flatMap((item) => [...item.keys()]))];
  return { columns, rows: flat.map((item) => columns.map((name) => item.get(name) ?? null)) };
}
