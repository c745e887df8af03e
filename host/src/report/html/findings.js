"use strict";
(() => {
  const form = document.getElementById("filter");
  const status = document.getElementById("count");
  const none = document.getElementById("none");
  const fields = ["severity", "pack", "factor", "file"];
  const items = Array.from(document.querySelectorAll("#findings > li"), (element) => ({
    element,
    values: fields.map((field) => element.dataset[field]),
    text: element.querySelector("summary").textContent.toLowerCase(),
  }));
  let waiting = 0;
  const apply = () => {
    waiting = 0;
    const wanted = fields.map((field) => form.elements[field].value);
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits =
        wanted.every((value, at) => value === "" || item.values[at] === value) &&
        words.every((word) => item.text.includes(word));
      if (item.element.hidden === fits) item.element.hidden = !fits;
      if (fits) shown += 1;
    }
    status.textContent = `${shown} of ${items.length} findings`;
    none.hidden = shown > 0;
  };
  // Once a frame, however fast somebody types.
  const soon = () => {
    if (!waiting) waiting = requestAnimationFrame(apply);
  };
  form.addEventListener("input", soon);
  form.addEventListener("reset", () => setTimeout(soon));
  form.addEventListener("submit", (event) => event.preventDefault());
  // A link to a rule opens it.
  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  open();
  form.hidden = false;
  // After a reload the browser keeps what was chosen.
  apply();
})();
