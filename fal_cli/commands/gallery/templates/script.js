
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const made = (name, facts = {}, ...inner) => {
    const element = Object.assign(document.createElement(name), facts);
    element.append(...inner);
    return element;
  };
  const root = document.documentElement;
  root.classList.add("js");

  // -- what is shown: words, endpoint and kind together

  const cards = all(".card");
  const words = new Map(cards.map((card) => [card, null]));
  const textOf = (card) => {
    if (words.get(card) === null) words.set(card, `${card.dataset.endpoint} ${card.textContent}`.toLowerCase());
    return words.get(card);
  };
  const search = one("#search");
  const endpoint = one("#endpoint");
  const count = one("#count");
  const kinds = one(".kinds");
  const worthTools = 6;
  const results = (within = document) => all(".card:not(.failed)", within);
  const whole = results().length;
  const names = { image: "Pictures", video: "Video", audio: "Audio", text: "Text", file: "Files" };
  const kindsOf = (card) => card.dataset.kinds.split(" ");
  const chosenKind = () => one("input:checked", kinds)?.value ?? "";
  const written = (number) => number.toLocaleString("en");

  const show = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = chosenKind();
    let shown = 0;
    for (const card of cards) {
      const fits =
        (!endpoint.value || card.dataset.endpoint === endpoint.value) &&
        (!kind || kindsOf(card).includes(kind)) &&
        wanted.every((word) => textOf(card).includes(word));
      card.hidden = !fits;
      shown += fits && !card.matches(".failed");
    }
    for (const section of all("section")) {
      for (const row of all("tbody tr", section)) row.hidden = !one(".card:not([hidden])", row);
      section.hidden = !one(".card:not([hidden])", section);
      one(".number", section).textContent = written(results(section).filter((card) => !card.hidden).length);
    }
    one(".nothing").hidden = Boolean(one(".card:not([hidden])"));
    count.value = shown === whole ? `${written(shown)}` : `${written(shown)} of ${written(whole)}`;
  };

  const fillTools = () => {
    const endpoints = [...new Set(cards.map((card) => card.dataset.endpoint))].sort();
    for (const name of endpoints) endpoint.append(made("option", { value: name, textContent: name }));
    endpoint.hidden = endpoints.length < 2;
    const found = Object.keys(names).filter((kind) => cards.some((card) => kindsOf(card).includes(kind)));
    for (const kind of ["", ...found]) {
      const choice = made("input", { type: "radio", name: "kind", value: kind, checked: !kind });
      kinds.append(made("label", {}, choice, made("span", { textContent: kind ? names[kind] : "All" })));
    }
    kinds.hidden = found.length < 2;
    one(".tools").hidden = cards.length < worthTools;
  };

  let waiting = 0;
  search.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(show);
  });
  endpoint.addEventListener("change", show);
  kinds.addEventListener("change", show);
  one(".tools").addEventListener("submit", (event) => event.preventDefault());
  one("#clear").addEventListener("click", () => {
    search.value = endpoint.value = "";
    one("input", kinds).checked = true;
    show();
    search.focus();
  });

  const size = one("#size");
  size.value = parseInt(getComputedStyle(root).getPropertyValue("--tile"), 10);
  size.addEventListener("input", () => root.style.setProperty("--tile", `${size.value}px`));

  // -- copying

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = made("textarea", { value: text });
      (one("dialog[open]") ?? document.body).append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const done = await copy(one("code", button.parentElement).textContent);
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), 1600);
  });

  // -- one result alone

  const viewer = one(".viewer");
  const stage = one(".stage");
  const beside = one(".beside");
  let list = [];
  let at = 0;

  const large = (element) => {
    if (element.matches(".words")) return element.cloneNode(true);
    const picture = one("img", element);
    return made("img", { src: picture.src, alt: picture.alt });
  };
  const links = (element) => {
    const found = made("p", { className: "links" });
    const { name, href } = element.dataset;
    if (href) found.append(made("a", { href, textContent: "Open the file", target: "_blank", rel: "noopener noreferrer" }));
    const picture = one("img", element);
    if (picture) found.append(made("a", { href: picture.src, download: name, textContent: "Save a copy" }));
    return found;
  };
  const draw = () => {
    const element = list[at];
    const card = element.closest(".card");
    const caption = one("figcaption", card);
    stage.replaceChildren(large(element));
    beside.replaceChildren();
    for (const part of all(".prompt, .facts, .again, dl", caption)) {
      const shown = part.cloneNode(true);
      shown.hidden = false;
      beside.append(shown);
    }
    if (element.dataset.facts) {
      const row = made("div", {}, made("dt", { textContent: "File" }), made("dd", { textContent: `${element.dataset.name}\n${element.dataset.facts}` }));
      one("dl", beside)?.append(row);
    }
    if (element.dataset.name) beside.append(links(element));
    beside.scrollTop = 0;
    one(".place").textContent = `${written(at + 1)} of ${written(list.length)}`;
  };
  const step = (by) => {
    at = (at + by + list.length) % list.length;
    draw();
  };
  document.addEventListener("click", (event) => {
    const element = event.target.closest("main .look");
    if (!element) return;
    list = all(".card:not([hidden]) .look");
    at = list.indexOf(element);
    draw();
    viewer.showModal();
  });
  one(".steps").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".close")) viewer.close();
    else step(Number(button.dataset.step));
  });
  stage.addEventListener("click", (event) => {
    if (event.target === stage) viewer.close();
  });
  viewer.addEventListener("close", () => {
    stage.replaceChildren();
    list[at]?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (viewer.open) {
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else return;
      event.preventDefault();
    } else if (event.key === "/" && !event.target.matches("input, select, textarea")) {
      event.preventDefault();
      search.focus();
    }
  });

  // -- films and sound are read when they come near

  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      target.preload = "metadata";
      near.unobserve(target);
    }
  }, { rootMargin: "400px" });
  all("video, audio").forEach((element) => near.observe(element));

  fillTools();
  show();
})();
