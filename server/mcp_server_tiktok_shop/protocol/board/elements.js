// Makes elements. Texts of an answer become nodes of text, never markup, whoever wrote them.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
let nextElementId = 0;

function build(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function buildSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function buildButton(label, onClick, className = null) {
  const button = build("button", { type: "button", class: className }, label);
  button.addEventListener("click", onClick);
  return button;
}

// The width there is for what stands on the page.
function measureWidth() {
  const { paddingLeft, paddingRight } = getComputedStyle(main);
  return main.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
}

function buildSection(title, ...children) {
  const id = `heading-${++nextElementId}`;
  return build("section", {}, build("h2", { id }, title), ...children);
}
