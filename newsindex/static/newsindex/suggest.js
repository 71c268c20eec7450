/* Completions in a search box, as a combobox. The form works without. */

const PAUSE = 120;
const AFTER_FAILURE = 5000;
const MARGIN = 4;

function set(node, attributes) {
  Object.entries(attributes).forEach((pair) => node.setAttribute(...pair));
  return node;
}

function element(name, attributes, text = "") {
  const made = set(document.createElement(name), attributes);
  made.textContent = text;
  return made;
}

function setUp(input, number) {
  const id = `newsindex-list-${number}`;
  const label = input.labels[0]?.textContent.trim() || input.name;
  const list = element("ul", { id, role: "listbox", class: "newsindex-list", hidden: "", "aria-label": label });
  const said = element("div", { "aria-live": "polite", class: "newsindex-said" });
  let shown = [];
  let active = -1;
  let waiting, asking;
  let quietUntil = 0;

  set(input, { role: "combobox", "aria-autocomplete": "list", "aria-controls": id, autocomplete: "off" });
  input.parentElement.append(list, said);
  open(false);

  function activate(at) {
    active = at;
    const options = [...list.children];
    options.forEach((option, place) => set(option, { "aria-selected": place === at }));
    set(input, { "aria-activedescendant": options[at]?.id || "" });
    options[at]?.scrollIntoView({ block: "nearest" });
  }

  // The list begins where the box does, as far as the window reaches: in a header the box may stand at its edge.
  function fit() {
    const box = list.parentElement.getBoundingClientRect();
    const move = (to) => Object.assign(list.style, { left: `${to - box.left}px`, right: "auto" });
    // Measured where it fits: a telephone makes the page wider for what reaches beyond.
    move(MARGIN);
    list.hidden = false;
    const { width } = list.getBoundingClientRect();
    const start = getComputedStyle(list).direction === "rtl" ? box.right - width : box.left;
    move(Math.max(MARGIN, Math.min(start, document.documentElement.clientWidth - MARGIN - width)));
  }

  function open(isOpen) {
    list.hidden = true;
    if (isOpen) {
      fit();
    }
    set(input, { "aria-expanded": isOpen });
    activate(-1);
  }

  function stop() {
    clearTimeout(waiting);
    asking?.abort();
  }

  function close() {
    stop();
    open(false);
    said.textContent = "";
  }

  function show(answer) {
    shown = answer.suggestions;
    list.replaceChildren(...shown.map((one, place) => {
      const option = element("li", { id: `${id}-${place}`, role: "option", dir: "auto" });
      option.append(element("span", {}, one.text), " ", element("small", {}, one.label));
      return option;
    }));
    open(shown.length > 0);
    said.textContent = answer.message;
  }

  async function ask() {
    stop();
    if (!input.value.trim() || Date.now() < quietUntil) {
      return close();
    }
    const { signal } = (asking = new AbortController());
    const url = new URL(input.dataset.newsindexSuggest, location);
    url.searchParams.set("q", input.value);
    try {
      const response = await fetch(url, { signal });
      if (!response.ok) {
        throw response;
      }
      show(await response.json());
    } catch {
      if (!signal.aborted) {
        quietUntil = Date.now() + AFTER_FAILURE;
        close();
      }
    }
  }

  function soon(event) {
    stop();
    // What an input method has not finished is no text yet.
    if (!event.isComposing) {
      waiting = setTimeout(ask, PAUSE);
    }
  }

  function choose(one) {
    close();
    if (one.url) {
      location.assign(one.url);
    } else {
      input.value = one.query;
      input.form.requestSubmit();
    }
  }

  input.addEventListener("input", soon);
  input.addEventListener("compositionend", soon);
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing || (list.hidden && !step)) {
      return;
    }
    if (list.hidden) {
      ask();
    } else if (step) {
      // One place is the text itself.
      const places = shown.length + 1;
      activate((active + 1 + step + places) % places - 1);
    } else if (event.key === "Enter" && active >= 0) {
      choose(shown[active]);
    } else if (event.key === "Escape") {
      close();
    } else {
      // Whatever moves in the text or changes it.
      return activate(-1);
    }
    event.preventDefault();
  });
  // The box keeps the focus.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const at = [...list.children].indexOf(event.target.closest("li"));
    if (at >= 0) {
      choose(shown[at]);
    }
  });
}

document.querySelectorAll("input[data-newsindex-suggest]:not([role])").forEach(setUp);
