// Shows a write before it is sent, and sends it once the person agrees.

const EFFECT_WORDS = { write: "adds something", destructive: "changes, ships, cancels or removes what is there" };
const CONFIRM_TOOL = "confirm_write";

// `agree` calls the tool with a token and gives its result; without it, or without a token, the page asks nothing.
function buildPreview(answer, options, { agree, decline }) {
  const { preview, confirm: token, changed, shop } = answer;
  const { operation, effect, warnings = [], untrusted = [], method, path, query, ...rest } = preview;
  const data = buildData({ operation, effect: EFFECT_WORDS[effect] ?? effect, ...rest }, { ...options, untrusted });
  const request = method ? buildDetails("The request", buildFacts([["method", method], ["path", path], ["query", writeText(query)]])) : null;
  return [
    warnings.length ? buildNotice("soon", "Warnings", warnings.map(writeText)) : null,
    changed ? buildTable("What has changed since", toTable(changed)) : null,
    ...data,
    request,
    ...(token && agree ? buildQuestion(token, operation, { agree, decline }) : [build("p", {}, "Nothing was sent yet. Tell the assistant whether you agree.")]),
    buildFooter({ shop: preview.shop ? null : shop, sandbox: answer.sandbox, left_out: answer.left_out, untrusted }),
  ];
}

function buildQuestion(token, operation, { agree, decline }) {
  const status = build("p", { role: "status" }, "Nothing was sent yet. A yes holds once, for 10 minutes.");
  const outcome = build("div");
  const agreeButton = buildButton("Agree", onAgree, "agree");
  const declineButton = buildButton("Decline", onDecline);

  function close(words) {
    agreeButton.disabled = declineButton.disabled = true;
    status.textContent = words;
  }

  async function onAgree() {
    close("You agreed: it is being done …");
    try {
      const view = await agree(token, operation);
      status.textContent = "You agreed. What came of it:";
      outcome.replaceChildren(...view);
      outcome.querySelector("h2, h1")?.setAttribute("tabindex", "-1");
      outcome.querySelector("h2, h1")?.focus({ preventScroll: true });
    } catch (error) {
      status.textContent = `Whether it was done is not known (${error.message}). Ask the assistant to look before you repeat it.`;
    }
  }

  function onDecline() {
    close("You declined: nothing was sent.");
    decline(operation);
  }

  return [build("div", { class: "actions" }, agreeButton, declineButton), status, outcome];
}
