"use strict";
(() => {
  const form = document.getElementById("filter");
  const status = document.getElementById("count");
  const none = document.getElementById("none");
  const fields = ["severity", "confidence", "pack", "factor", "file"];
  const items = Array.from(document.querySelectorAll("#findings > li"), (element) => ({
    element,
    values: fields.map((field) => element.dataset[field]),
    text: element.querySelector("summary").textContent.toLowerCase(),
  }));
  // What is laid out: thousands at once would make every key a pause.
  const step = 200;
  let limit = step;
  const more = document.createElement("button");
  more.type = "button";
  none.before(more);
  let waiting = 0;
  const apply = () => {
    waiting = 0;
    const wanted = fields.map((field) => form.elements[field].value);
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let matches = 0;
    for (const item of items) {
      const fits =
        wanted.every((value, at) => value === "" || item.values[at] === value) &&
        words.every((word) => item.text.includes(word));
      if (fits) matches += 1;
      const hidden = !fits || matches > limit;
      if (item.element.hidden !== hidden) item.element.hidden = hidden;
    }
    const rest = matches - limit;
    status.textContent = `${matches} of ${items.length} findings` + (rest > 0 ? `, the first ${limit} shown` : "");
    more.hidden = rest <= 0;
    more.textContent = `Show ${Math.min(rest, step)} more`;
    none.hidden = matches > 0;
  };
  // Once a frame, however fast somebody types.
  const soon = () => {
    limit = step;
    if (!waiting) waiting = requestAnimationFrame(apply);
  };
  form.addEventListener("input", soon);
  form.addEventListener("reset", () => setTimeout(soon));
  more.addEventListener("click", () => {
    limit += step;
    apply();
  });
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
