// What the leaves have in common. It stands in front of each leaf's own script: one module arrives.

const HALF = 127; // values of a mask above this are above 0.5
const LEAST_SHOWN = 384; // CSS pixels along the longer side: smaller pictures are enlarged
const CALM = 400; // ms without a change before a screen reader hears of it
const DARK = [0, 0, 0];
const BLOCK = 64; // pixels in a row

// -- life: everything that has to end with the view

function lifetime(model) {
  const ends = [];
  const later = (end) => ends.push(end);
  return {
    later,
    watch(names, handler) {
      for (const name of names) {
        model.on(`change:${name}`, handler);
        later(() => model.off(`change:${name}`, handler));
      }
    },
    watchEvent(name, handler) {
      model.on(name, handler);
      later(() => model.off(name, handler));
    },
    end: () => ends.splice(0).forEach((end) => end()),
  };
}

/** A function that does the work with the next frame, once, however often it is called before. */
function perFrame(life, work) {
  let waiting = 0;
  const frame = () => {
    waiting = 0;
    work();
  };
  life.later(() => cancelAnimationFrame(waiting));
  return () => (waiting ||= requestAnimationFrame(frame));
}

/** A function that does the work `pause` ms after its last call. */
function afterPause(life, pause, work) {
  let waiting = 0;
  life.later(() => clearTimeout(waiting));
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(work, pause);
  };
}

function put(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

// -- elements

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function makeRoot(el, life, { name, label }) {
  const root = h("div", {
    class: `ts-leaf ts-${name}`,
    role: "group",
    "aria-label": label,
    tabindex: "-1", // a click beside the controls leaves the focus in here, with the keys
    "data-jp-suppress-context-menu": "", // Jupyter's menu would open over ours
  });
  // a notebook takes "x" for "cut this cell", and the arrows from the sliders
  root.addEventListener("keydown", (event) => saves(event) || event.stopPropagation());
  keepKeysOfPanels(life);
  el.append(root);
  life.later(() => root.remove());
  return root;
}

/** Says so where the kernel has gone, since nothing that is pressed would do anything any more. */
function tellWhenGone(model, life, root) {
  const said = h("div", { class: "ts-gone", role: "alert", hidden: "" });
  root.prepend(said);
  life.watchEvent("comm_live_update", () => { // a link that was cut never comes back
    said.hidden = false;
    said.textContent = "The kernel was restarted: run the cell of this panel again.";
  });
}

/** Whether somebody wants to save: the one key that is not for us. Filled-in forms send none. */
function saves({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  return key?.toLowerCase() === "s" && ctrlKey !== metaKey && !shiftKey && !altKey;
}

/** The same for the ordinary controls of panels, which have no script of their own. */
function keepKeysOfPanels(life) {
  const panelOf = (event) => event.target.closest?.(".textseg-panel");
  const keep = (event) => panelOf(event) && event.stopPropagation();
  // text fields of ipywidgets keep all keys, so the notebook gets this one from beside the panel
  const hand = (event) => {
    const panel = saves(event) && panelOf(event);
    if (!panel) return;
    event.stopImmediatePropagation(); // each leaf listens, and one save is enough
    const taken = !panel.parentElement.dispatchEvent(new KeyboardEvent(event.type, event));
    if (taken) event.preventDefault(); // or the browser would save the page
  };
  const listeners = [[hand, { capture: true }], [keep, {}]];
  for (const each of listeners) document.body.addEventListener("keydown", ...each);
  life.later(() => {
    for (const each of listeners) document.body.removeEventListener("keydown", ...each);
  });
}

/** A button that never loses the focus: with it, keys would go to the notebook's cells. */
function button(text, label, act) {
  const node = h("button", { type: "button", "aria-label": label, title: label }, text);
  node.addEventListener("click", () => node.getAttribute("aria-disabled") === "true" || act());
  return node;
}

function enable(node, enabled) {
  node.setAttribute("aria-disabled", String(!enabled));
}

/** A native slider that is a trait; `most()` is where it ends. */
function slider(model, life, { name, label, min, most, step, words }) {
  const input = h("input", { type: "range", min, step });
  const said = h("span", { class: "ts-number", "aria-hidden": "true" });
  const show = () => {
    input.max = most();
    input.value = model.get(name);
    said.textContent = words(model.get(name));
  };
  input.addEventListener("input", () => put(model, name, Number(input.value)));
  life.watch([name, "height", "width"], show);
  show();
  return h("span", { class: "ts-field" }, h("label", {}, label, input), said);
}

/** A native checkbox that is a trait. */
function toggle(model, life, { name, label, role = "checkbox" }) {
  const input = h("input", { type: "checkbox", role });
  const show = () => (input.checked = model.get(name));
  input.addEventListener("change", () => put(model, name, input.checked));
  life.watch([name], show);
  show();
  return h("label", { class: "ts-field" }, input, label);
}

/** A share in words; halves go to the even number, as where Python tells the same share. */
function percent(share) {
  const near = Math.round(100 * share);
  const half = near - 100 * share === 0.5;
  return `${half && near % 2 === 1 ? near - 1 : near}%`;
}
const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

/** Says a line at once to the eye, and to a screen reader when the changes have come to rest. */
function statusLine(life) {
  const seen = h("div", { class: "ts-status", "aria-hidden": "true" });
  const heard = h("div", { class: "ts-heard", role: "status", "aria-live": "polite" });
  const hear = afterPause(life, CALM, () => (heard.textContent = seen.textContent));
  const say = (text) => {
    seen.textContent = text;
    hear();
  };
  return { nodes: [seen, heard], say };
}

// -- pixels

const decode = (bytes) =>
  createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none", premultiplyAlpha: "none" });

const empty = (bytes) => !bytes || bytes.byteLength === 0;

/** The RGBA values of a decoded picture, used up by it, at a size; pixels are enlarged as they are. */
function rasterOf(bitmap, { width, height }) {
  const canvas = h("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/**
 * A decoded mask at a size: its values, 0 to 255; how many of its own pixels have each; and the
 * least and the greatest in and right beside each block, by which most blocks are passed over.
 */
function maskOf(bitmap, { width, height }) {
  const own = rasterOf(bitmap, bitmap);
  const values = new Uint8Array(width * height);
  const blocks = Math.ceil(values.length / BLOCK);
  const mask = {
    values,
    width,
    histogram: new Uint32Array(256),
    low: new Uint8Array(blocks).fill(255),
    high: new Uint8Array(blocks),
  };
  const meet = (k, value) => {
    const block = Math.floor(k / BLOCK);
    if (value < mask.low[block]) mask.low[block] = value;
    if (value > mask.high[block]) mask.high[block] = value;
  };
  for (let i = 0; i < own.data.length; i += 4) mask.histogram[own.data[i]]++;
  for (let k = 0; k < values.length; k++) {
    const row = Math.floor(((Math.floor(k / width) + 0.5) * own.height) / height);
    const col = Math.floor((((k % width) + 0.5) * own.width) / width);
    const value = own.data[4 * (row * own.width + col)];
    values[k] = value;
    meet(k, value);
    if (k > 0) meet(k - 1, value); // outlines look to the right and down
    if (k >= width) meet(k - width, value);
  }
  return mask;
}

/** The share of the pixels of a mask whose values are above the cut. */
function shareAbove({ histogram }, cut) {
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  return sum(histogram.filter((_, value) => value > cut)) / sum(histogram);
}

/** The size to draw at: that of the picture, or a multiple of it when it is small. */
function drawnSize({ width, height }) {
  const times = Math.max(1, Math.ceil(LEAST_SHOWN / Math.max(width, height)));
  return { width: times * width, height: times * height };
}

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

function mix(pixels, i, [red, green, blue], amount) {
  pixels[i] += ((red - pixels[i]) * amount) >> 8;
  pixels[i + 1] += ((green - pixels[i + 1]) * amount) >> 8;
  pixels[i + 2] += ((blue - pixels[i + 2]) * amount) >> 8;
}

/** Do something with each block from `first` to before `last` of which `chosen` is true. */
function overBlocks({ values, low, high }, chosen, work) {
  for (let block = 0; block < low.length; block++) {
    const first = block * BLOCK;
    if (chosen(low[block], high[block])) work(first, Math.min(first + BLOCK, values.length));
  }
}

/** Lay a colour over the pixels: `amounts[v]`, rising, up to 256, where the mask has the value v. */
function tint(pixels, mask, colour, amounts) {
  const { values } = mask;
  const touched = (low, high) => amounts[high] > 0;
  overBlocks(mask, touched, (first, last) => {
    for (let k = first; k < last; k++) {
      const amount = amounts[values[k]];
      if (amount > 0) mix(pixels, 4 * k, colour, amount);
    }
  });
}

/** Draw the line where a mask crosses `cut`: the colour inside, dark outside, seen on any ground. */
function outline(pixels, mask, { colour, cut, amount }) {
  const { values, width } = mask;
  const draw = (inside, outside) => {
    mix(pixels, 4 * inside, colour, amount);
    mix(pixels, 4 * outside, DARK, (2 * amount) / 3);
    pixels[4 * inside + 3] = Math.max(pixels[4 * inside + 3], amount); // where there is no picture
    pixels[4 * outside + 3] = Math.max(pixels[4 * outside + 3], (2 * amount) / 3);
  };
  const compare = (k, beside) => {
    const here = values[k] > cut;
    if (here !== values[beside] > cut) draw(here ? k : beside, here ? beside : k);
  };
  const crossed = (low, high) => low <= cut && high > cut;
  overBlocks(mask, crossed, (first, last) => {
    for (let k = first; k < last; k++) {
      if ((k + 1) % width > 0) compare(k, k + 1);
      if (k + width < values.length) compare(k, k + width);
    }
  });
}

// -- stage: the picture in a frame, zoomed and scrolled, with a cross-hair for the keyboard

const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8, 12];
const REST = 200; // ms without a move before the pixels that are seen are asked for
const AROUND = 0.25; // of what is seen that is asked for on each side: small moves need no more
const SENT = 1024; // pixels along a side of the copy: see ``SENT_SIDE``
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const within = (value, least, most) => Math.min(Math.max(value, least), most);

/**
 * `size()` gives height and width of the picture in its own pixels; places are { row, col } in
 * these, with the centres of pixels at whole numbers.
 */
function makeStage({ size, front, layers, moved, panButton = 1, moving }) {
  const hair = h("div", { class: "ts-hair", "aria-hidden": "true", hidden: "" });
  const sheet = h("div", { class: "ts-sheet" }, ...layers, hair);
  const frame = h("div", { class: "ts-stage" }, sheet);
  const hints = { moving, zooming: "Ctrl and the wheel zoom." };
  const hint = h("div", { class: "ts-hint", "aria-hidden": "true" }, hints.zooming);
  let zoom = 1;
  let cross = null;

  const place = ({ clientX, clientY }) => {
    const box = front.getBoundingClientRect();
    const { height, width } = size();
    return {
      row: ((clientY - box.top) / box.height) * height - 0.5,
      col: ((clientX - box.left) / box.width) * width - 0.5,
    };
  };
  const pixel = ({ row, col }) => {
    const { height, width } = size();
    return {
      row: within(Math.floor(row + 0.5), 0, height - 1),
      col: within(Math.floor(col + 0.5), 0, width - 1),
    };
  };
  const fit = (drawn) => {
    const { width } = size(); // what was sent may be smaller; cells of notebooks may be wider
    frame.style.setProperty("--ts-width", `${Math.max(width, drawn.width)}px`);
    frame.style.setProperty("--ts-aspect", drawn.width / drawn.height);
    frame.style.setProperty("--ts-ratio", `${drawn.width} / ${drawn.height}`);
  };
  const setZoom = (wanted, { clientX, clientY }) => {
    const before = front.getBoundingClientRect();
    const [x, y] = [(clientX - before.left) / before.width, (clientY - before.top) / before.height];
    zoom = wanted;
    frame.style.setProperty("--ts-zoom", zoom);
    frame.classList.toggle("ts-zoomed", zoom > 1);
    hint.textContent = zoom > 1 ? hints.moving : hints.zooming;
    zooms.said.textContent = percent(zoom);
    enable(zooms.out, zoom > ZOOMS[0]);
    enable(zooms.in, zoom < ZOOMS.at(-1));
    const after = front.getBoundingClientRect();
    const page = frame.getBoundingClientRect().width / frame.offsetWidth; // zoomed by CSS, or 1
    frame.scrollLeft += (after.left + x * after.width - clientX) / page; // what was there stays
    frame.scrollTop += (after.top + y * after.height - clientY) / page;
  };
  const middle = () => {
    const box = frame.getBoundingClientRect();
    return { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  };
  const zoomBy = (steps, at = middle()) => {
    const wanted = within(ZOOMS.indexOf(zoom) + steps, 0, ZOOMS.length - 1);
    setZoom(ZOOMS[wanted], at);
  };
  const showCross = () => {
    hair.hidden = cross === null;
    if (cross === null) return;
    const { height, width } = size();
    const [x, y] = [(cross.col + 0.5) / width, (cross.row + 0.5) / height];
    hair.style.setProperty("--ts-x", `${100 * x}%`);
    hair.style.setProperty("--ts-y", `${100 * y}%`);
    const [left, top] = [x * sheet.offsetWidth, y * sheet.offsetHeight];
    frame.scrollLeft = within(frame.scrollLeft, left - frame.clientWidth + 9, left - 9);
    frame.scrollTop = within(frame.scrollTop, top - frame.clientHeight + 9, top - 9);
  };
  const setCross = (wanted) => {
    cross = wanted && pixel(wanted);
    showCross();
    moved(cross);
  };
  const centre = () => ({ row: size().height / 2 - 0.5, col: size().width / 2 - 0.5 });

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const reach = event.shiftKey ? 10 : 1;
    if (event.key in STEPS) {
      const [down, right] = STEPS[event.key];
      const from = cross ?? pixel(centre());
      setCross(cross ? { row: from.row + reach * down, col: from.col + reach * right } : from);
    } else if (event.key === "+" || event.key === "=") zoomBy(1);
    else if (event.key === "-") zoomBy(-1);
    else if (event.key === "0") setZoom(1, middle());
    else return;
    event.preventDefault();
  };
  front.addEventListener("keydown", onKey);
  front.addEventListener("blur", () => setCross(null));
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? 1 : -1, event);
    },
    { passive: false },
  );

  // dragging moves what is seen, with the button that the leaf has no other use for
  let held = null;
  front.addEventListener("pointerdown", (event) => {
    if (event.button !== panButton || zoom === 1 || held) return;
    event.preventDefault();
    front.focus({ preventScroll: true });
    front.setPointerCapture(event.pointerId);
    held = { id: event.pointerId, x: event.clientX, y: event.clientY };
  });
  front.addEventListener("pointermove", (event) => {
    if (held?.id !== event.pointerId) return;
    frame.scrollLeft -= event.clientX - held.x;
    frame.scrollTop -= event.clientY - held.y;
    Object.assign(held, { x: event.clientX, y: event.clientY });
  });
  for (const end of ["pointerup", "pointercancel"]) front.addEventListener(end, () => (held = null));

  /** What is asked for: [top, left, bottom, right] in pixels of the picture; [] for all of it. */
  const seen = () => {
    if (zoom === 1) return [];
    const view = frame.getBoundingClientRect();
    const from = place({ clientX: view.left, clientY: view.top });
    const to = place({ clientX: view.right, clientY: view.bottom });
    const [down, right] = [AROUND * (to.row - from.row), AROUND * (to.col - from.col)];
    const first = pixel({ row: from.row - down, col: from.col - right });
    const last = pixel({ row: to.row + down, col: to.col + right });
    return [first.row, first.col, last.row + 1, last.col + 1];
  };

  const zooms = {
    out: button("−", "Zoom out", () => zoomBy(-1)),
    said: h("span", { class: "ts-number", "aria-hidden": "true" }, "100%"),
    in: button("+", "Zoom in", () => zoomBy(1)),
  };
  enable(zooms.out, false);
  const controls = h("span", { class: "ts-field" }, zooms.out, zooms.said, zooms.in);
  const cursor = { setCross, showCross, cross: () => cross, centre };
  return { frame, sheet, hint, controls, place, pixel, fit, seen, ...cursor };
}

/**
 * The part that is seen in the picture's own pixels, laid over the copy that was sent first. It is
 * asked for when moving and zooming have come to rest; `draw` gets picture and masks of the part, decoded, with their size, and returns a function that paints them on a context.
 */
function makeDetail({ model, life, stage, size, draw }) {
  const node = h("canvas", { class: "ts-detail", "aria-hidden": "true", hidden: "" });
  const context = node.getContext("2d", { willReadFrequently: true });
  let paint = null;
  let loads = 0;
  const coarse = () => Math.max(size().height, size().width) > SENT;
  const ask = afterPause(life, REST, () => {
    const wanted = coarse() ? stage.seen() : [];
    if (`${wanted}` !== `${model.get("wanted")}`) put(model, "wanted", wanted);
  });
  const repaint = () => paint?.(context);
  const lay = ([top, left, bottom, right]) => {
    const { height, width } = size();
    const percents = {
      top: top / height,
      left: left / width,
      height: (bottom - top) / height,
      width: (right - left) / width,
    };
    for (const [name, share] of Object.entries(percents)) node.style[name] = `${100 * share}%`;
  };
  const load = perFrame(life, async () => {
    const turn = ++loads;
    const files = [model.get("tile"), ...model.get("tile_masks")];
    node.hidden = empty(files[0]) || !stage.seen().length;
    if (node.hidden) return;
    node.hidden = paint === null;
    const [picture, ...masks] = await Promise.all(files.map(decode));
    if (turn !== loads) return;
    const drawn = { width: picture.width, height: picture.height };
    paint = draw({ picture, masks, drawn });
    Object.assign(node, drawn);
    lay(model.get("tile_box"));
    repaint();
    node.hidden = false;
  });
  const look = () => {
    if (!stage.seen().length) node.hidden = true;
    ask();
  };
  stage.sheet.insertBefore(node, stage.sheet.children[1] ?? null); // above the copy, below the ink
  stage.frame.addEventListener("scroll", look);
  const resized = new ResizeObserver(look); // zooming changes the sheet
  resized.observe(stage.sheet);
  life.later(() => resized.disconnect());
  life.watch(["tile", "tile_masks", "tile_box"], load);
  life.later(() => loads++);
  return { repaint };
}
