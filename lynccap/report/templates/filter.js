
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  for (const one of document.querySelectorAll(".controls")) one.hidden = false;

  const watch = (input, update) => {
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(update, 80);
    });
  };
  const filter = (parts, wanted, status) => {
    let shown = 0;
    for (const part of parts) {
      part.element.hidden = !wanted(part);
      if (!part.element.hidden) shown += 1;
    }
    status.textContent = `${shown} of ${parts.length} shown`;
  };
  // Texts are read at the first keystroke: opening the page stays quick with many devices.
  const lazily = (selector) => {
    let parts;
    return () =>
      (parts ??= Array.from(document.querySelectorAll(selector), (element) => ({
        element,
        text: element.textContent.toLowerCase(),
      })));
  };

  const deviceText = byId("device-text");
  if (deviceText) {
    const rows = lazily(".devices > tbody > tr");
    const state = byId("device-state");
    const update = () => {
      const text = deviceText.value.trim().toLowerCase();
      const wanted = (row) =>
        row.text.includes(text) && (!state.value || row.element.dataset.state === state.value);
      filter(rows(), wanted, byId("device-count"));
    };
    watch(deviceText, update);
    state.addEventListener("change", update);
  }

  const findingText = byId("finding-text");
  if (findingText) {
    const findings = lazily("#findings > .finding");
    const update = () => {
      const text = findingText.value.trim().toLowerCase();
      filter(findings(), (one) => one.text.includes(text), byId("finding-count"));
    };
    watch(findingText, update);
  }

  const unfold = byId("unfold");
  if (unfold) {
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      for (const one of document.querySelectorAll("#findings details")) one.open = open;
      unfold.textContent = open ? "Close all" : "Open all";
    });
  }

  const reveal = () => {
    const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    for (let one = target; one; one = one.parentElement) {
      if (one.hidden) one.hidden = false;
      if (one.tagName === "DETAILS") one.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
