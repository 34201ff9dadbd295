// Reads values of an answer: what kind a column is of, how a value is written, which of two comes first.

const NUMBER_PATTERN = /^-?\d{1,15}(\.\d{1,12})?$/; // what a double still sorts right; ids are longer
const TIME_PATTERN = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const LINK_PATTERN = /^https:\/\/[^\s]+$/;
const ID_PATTERN = /(^|[_.])ids?$/;
const formatters = new Map(); // of numbers, by their digits after the point

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isScalar = (value) => typeof value !== "object" || value === null;
const isTable = (value) => isObject(value) && Array.isArray(value.columns) && Array.isArray(value.rows);
const isRowList = (value) => Array.isArray(value) && value.length > 0 && value.every(isObject);
const isEmpty = (value) => value === null || value === undefined || value === "";

function toLabel(name) {
  const words = String(name).replaceAll(/[_.]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function findKind(name, values) {
  const filled = values.filter((value) => !isEmpty(value));
  if (filled.length === 0) return "text";
  if (filled.every((value) => TIME_PATTERN.test(value))) return "time";
  const isNumber = (value) => typeof value === "number" || (typeof value === "string" && NUMBER_PATTERN.test(value));
  return !ID_PATTERN.test(name) && filled.every(isNumber) ? "number" : "text";
}

function formatNumber(value) {
  const text = String(value);
  if (!NUMBER_PATTERN.test(text)) return text;
  const digits = text.split(".")[1]?.length ?? 0;
  if (!formatters.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: "min2" };
    formatters.set(digits, new Intl.NumberFormat("en", options));
  }
  return formatters.get(digits).format(text);
}

// Times are those of the shop's clock, and stay so: the offset is in the element's title.
function formatTime(value) {
  const [, day, clock] = TIME_PATTERN.exec(value);
  return clock ? `${day} ${clock}` : day;
}

function writeText(value) {
  if (isEmpty(value)) return "";
  if (value === true || value === false) return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(writeText).join(isRowList(value) ? "\n" : ", ");
  if (isObject(value)) {
    const pairs = Object.entries(value).filter(([, inner]) => !isEmpty(inner));
    return pairs.map(([name, inner]) => `${toLabel(name)}: ${writeText(inner)}`).join(", ");
  }
  return String(value);
}

function buildValue(value, kind, openLink = null) {
  if (isEmpty(value)) return "";
  if (kind === "number") return formatNumber(value);
  if (kind === "time" && TIME_PATTERN.test(value)) return build("time", { datetime: value, title: value }, formatTime(value));
  if (openLink && LINK_PATTERN.test(value)) return buildButton(value, () => openLink(value), "link");
  return writeText(value);
}

function compareValues(first, second, kind) {
  if (kind === "number") return Number(first) - Number(second);
  if (kind === "time") return Date.parse(first) - Date.parse(second);
  return writeText(first).localeCompare(writeText(second), "en", { numeric: true });
}

function describeDistance(deadline, now) {
  const minutes = Math.round((Date.parse(deadline) - Date.parse(now)) / 60000);
  if (Number.isNaN(minutes)) return "";
  const size = Math.abs(minutes);
  const amount = size < 90 ? `${size} min` : size < 2880 ? `${Math.round(size / 60)} h` : `${Math.round(size / 1440)} days`;
  return minutes < 0 ? `${amount} late` : `in ${amount}`;
}
