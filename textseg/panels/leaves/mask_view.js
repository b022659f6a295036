// MaskView: a picture with soft masks over it, cut, mixed and outlined here.

const REMEMBERED = 31; // repaints whose median is told
const TELL = 1000; // ms between two messages about it
const ABSENT = "not in this picture";
const UNKNOWN = "unknown word"; // the model has never read it
const STEP = 0.01; // of the threshold: at each of these the cut is exact, see ``soft_bytes``

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** The queries, those first of which nothing can be said: that matters more than what was found. */
const inOrder = (queries, isUnknown) =>
  [...queries].sort((one, other) => isUnknown(other) - isUnknown(one));

/** How much colour each value of a mask gets, up to 256. */
function amounts({ cut, opacity, soft }) {
  const full = 256 * opacity;
  return Uint16Array.from({ length: 256 }, (_, value) =>
    soft ? Math.round((full * value) / 255) : value > cut ? Math.round(full) : 0,
  );
}

function render({ model, el }) {
  const life = lifetime(model);
  const root = makeRoot(el, life, { name: "masks", label: "What was found" });
  const canvas = h("canvas", { class: "ts-picture", role: "img", tabindex: "0" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const readout = h("div", { class: "ts-readout", "aria-hidden": "true" });
  const status = statusLine(life);
  const size = () => ({ height: model.get("height"), width: model.get("width") });
  const times = [];
  let scene = null; // { base, frame, masks }
  let loads = 0;
  let repaints = 0;

  // -- queries

  const label = (k) => model.get("labels")[k] ?? `mask ${k + 1}`;
  const colour = (k) => model.get("colors")[k % model.get("colors").length];
  const isUnknown = (k) => model.get("present")[k] === null;
  const isPresent = (k) => !isUnknown(k) && (model.get("present")[k] ?? true);
  const isVisible = (k) => model.get("visible")[k] ?? isPresent(k);
  const cut = () => 255 * model.get("threshold");
  const queries = () => (scene ? [...scene.masks.keys()] : []);

  const legend = makeLegend({ model, label, colour, isUnknown, isPresent, isVisible, queries });
  const stage = makeStage({ size, front: canvas, layers: [canvas], moved: readCross, panButton: 0, moving: "Drag to move." });
  const controls = h(
    "div",
    { class: "ts-bar" },
    slider(model, life, {
      name: "threshold",
      label: "Threshold",
      min: 0,
      most: () => 1,
      step: STEP,
      words: (value) => value.toFixed(2),
    }),
    slider(model, life, {
      name: "opacity",
      label: "Opacity",
      min: 0,
      most: () => 1,
      step: 0.01,
      words: percent,
    }),
    toggle(model, life, { name: "soft", label: "Soft", role: "switch" }),
    stage.controls,
  );
  root.append(legend.node, stage.frame, stage.hint, readout, controls, ...status.nodes);
  tellWhenGone(model, life, root);

  // -- words

  const summary = () => {
    const { height, width } = size();
    if (!scene) return root.dataset.state === "failed" ? "This picture cannot be shown." : "No picture yet.";
    const parts = inOrder(queries(), isUnknown).map((k) => {
      const area = `${percent(shareAbove(scene.masks[k], cut()))} of the picture`;
      if (isUnknown(k)) return `${label(k)}: ${UNKNOWN}, nothing can be said`;
      if (!isPresent(k)) return `${label(k)}: ${ABSENT}`;
      return `${label(k)}: ${isVisible(k) ? area : `hidden, ${area}`}`;
    });
    const found = parts.length ? parts.join("; ") : "Nothing was looked for yet";
    return `Picture of ${width} by ${height} pixels. ${found}.`;
  };
  const describe = () => {
    canvas.setAttribute("aria-label", summary());
    if (!stage.cross()) status.say(summary());
  };
  const valuesAt = ({ row, col }) => {
    const { height, width } = size();
    const x = Math.floor(((col + 0.5) / width) * canvas.width);
    const y = Math.floor(((row + 0.5) / height) * canvas.height);
    const values = queries().map(
      (k) => `${label(k)} ${(scene.masks[k].values[y * canvas.width + x] / 255).toFixed(2)}`,
    );
    return [`Row ${row}, column ${col}`, ...values].join(", ");
  };
  function readCross(cross) {
    readout.textContent = cross && scene ? valuesAt(cross) : "";
    if (scene) status.say(cross ? valuesAt(cross) : summary());
  }

  // -- drawing

  let telling = 0;
  const tell = () => {
    telling ||= setTimeout(() => {
      telling = 0;
      put(model, "repaint_ms", median(times));
    }, TELL);
  };
  life.later(() => clearTimeout(telling));
  const paint = (target, { frame, base, masks }) => {
    const opacity = model.get("opacity");
    const shown = queries().filter((k) => masks[k] && isVisible(k));
    const mixed = amounts({ cut: cut(), opacity, soft: model.get("soft") });
    const pixels = frame.data;
    pixels.set(base);
    for (const k of shown) tint(pixels, masks[k], rgb(colour(k)), mixed);
    const amount = Math.min(256, Math.round(512 * opacity)); // fades with the colour, but later
    for (const k of shown) {
      const line = { colour: rgb(colour(k)), cut: cut(), amount };
      if (amount > 0) outline(pixels, masks[k], line);
    }
    target.putImageData(frame, 0, 0);
  };
  const sceneOf = ({ picture, masks, drawn }) => {
    const frame = rasterOf(picture, drawn);
    return { frame, base: frame.data.slice(), masks: masks.map((mask) => maskOf(mask, drawn)) };
  };
  const detail = makeDetail({
    model,
    life,
    stage,
    size,
    draw: (pictures) => {
      const part = sceneOf(pictures);
      return (target) => paint(target, part);
    },
  });
  const repaint = perFrame(life, () => {
    legend.update();
    if (scene) {
      const began = performance.now();
      paint(context, scene);
      times.push(performance.now() - began);
      if (times.length > REMEMBERED) times.shift();
      root.dataset.repaint = ++repaints;
      tell();
    }
    detail.repaint();
    describe();
  });
  const show = (state, found) => {
    root.dataset.state = state;
    scene = found;
    for (const node of [stage.frame, stage.hint, controls, readout]) node.hidden = !found;
    legend.build();
    repaint();
  };
  const load = perFrame(life, async () => {
    const turn = ++loads; // a later picture overtakes an earlier one
    if (empty(model.get("image"))) return show("empty", null);
    root.dataset.state = "loading";
    try {
      const [picture, ...masks] = await Promise.all(
        [model.get("image"), ...model.get("masks")].map(decode),
      );
      if (turn !== loads) return undefined;
      const drawn = drawnSize(picture);
      Object.assign(canvas, drawn);
      stage.fit(drawn);
      return show("ready", sceneOf({ picture, masks, drawn }));
    } catch {
      return turn === loads ? show("failed", null) : undefined;
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    if (scene) readout.textContent = valuesAt(stage.pixel(stage.place(event)));
  });
  canvas.addEventListener("pointerleave", () => (readout.textContent = ""));
  canvas.addEventListener("keydown", (event) => event.key === "Escape" && stage.setCross(null));
  life.watch(["image", "masks", "height", "width"], load);
  life.watch(["labels", "colors", "presence", "present"], legend.build);
  life.watch(["labels", "colors", "present", "visible", "threshold", "opacity", "soft"], repaint);
  life.watch(["selected"], legend.update);
  life.later(() => loads++);
  load();
  return life.end;
}

/** A chip for each query: click to show or hide it; and which of them is corrected or retouched. */
function makeLegend({ model, label, colour, isUnknown, isPresent, isVisible, queries }) {
  const node = h("div", { class: "ts-bar", role: "group", "aria-label": "Queries" });
  const group = `ts-${Math.random().toString(36).slice(2)}`;
  let chips = [];
  let choices = [];

  const flip = (k) => put(
    model,
    "visible",
    queries().map((other) => (other === k ? !isVisible(k) : isVisible(other))),
  );
  const makeChip = (k) => {
    const presence = model.get("presence")[k];
    const known = presence?.toFixed(2) ?? "";
    const doubt = isUnknown(k) ? UNKNOWN : isPresent(k) ? "" : ABSENT;
    const verdict = doubt || known;
    const bar = h("span", { class: "ts-presence" }, h("span"));
    bar.style.setProperty("--ts-share", percent(presence ?? 0));
    const swatch = h("span", { class: "ts-swatch" });
    swatch.style.setProperty("--ts-colour", colour(k));
    const name = [label(k), doubt, known && `probability ${known}`];
    const chip = button("", name.filter(Boolean).join(", "), () => flip(k));
    chip.title = `Show or hide. ${chip.title}`;
    chip.classList.add("ts-chip");
    chip.classList.toggle("ts-absent", !isPresent(k));
    chip.append(swatch, h("span", {}, label(k)));
    if (known) chip.append(bar);
    if (verdict) chip.append(h("span", { class: "ts-number" }, verdict));
    return chip;
  };
  const makeChoice = (k) => {
    const input = h("input", { type: "radio", name: group, "aria-label": `Choose ${label(k)}` });
    input.addEventListener("change", () => put(model, "selected", k));
    return input;
  };
  const update = () => {
    chips.forEach((chip, k) => chip.setAttribute("aria-pressed", String(isVisible(k))));
    choices.forEach((choice, k) => (choice.checked = model.get("selected") === k));
  };
  const build = () => {
    const focused = chips.indexOf(node.getRootNode().activeElement);
    chips = queries().map(makeChip);
    choices = chips.length > 1 ? queries().map(makeChoice) : [];
    const items = inOrder(queries(), isUnknown).map((k) => {
      const item = h("span", { class: "ts-field" }, chips[k]);
      if (choices[k]) item.append(h("label", { title: "To be corrected or retouched" }, choices[k], "This one"));
      return item;
    });
    node.replaceChildren(...items);
    if (focused >= 0) (chips[focused] ?? chips[0])?.focus(); // or its keys go to the notebook
    update();
  };
  return { node, build, update };
}

export default { render };
