// PromptCanvas: what a person wants to be different about a mask, in pixels of the picture.

const OPPOSITE = { keep: "drop", drop: "keep", paint: "erase", erase: "paint" };
const TOOLS = {
  keep: ["Keep", "Keep the regions pointed at, drop all others"],
  drop: ["Drop", "Drop the regions pointed at"],
  paint: ["Paint", "Paint what belongs to the mask"],
  erase: ["Erase", "Erase what does not"],
};
const SHAPES = { point: ["Point", "Click on a region"], box: ["Box", "Drag a box around regions"] };
const KEEP = "#0072B2"; // told apart from the next with any kind of colour vision
const DROP = "#D55E00";
const PLAIN_RADIUS = 4; // of a correction that has no use for it
const MOST_POINTS = 10_000; // in one correction
const MOST_CORRECTIONS = 1000;
const MASK_OPACITY = 0.45;
const MOVING = "The wheel moves what is seen, and so does dragging with the middle button.";

const isStroke = (action) => action === "paint" || action === "erase";
const tenths = (value) => Math.round(10 * value) / 10;

// -- corrections: a list; a gesture is what one undo takes back

const pointed = (action, { row, col }) => ({
  action,
  points: [[row, col]],
  box: null,
  radius: PLAIN_RADIUS,
});
const boxed = (action, box) => ({ action, points: [], box, radius: PLAIN_RADIUS });
const isPointToKeep = (correction) => correction?.action === "keep" && correction.box === null;

const gestures = (corrections) =>
  corrections.reduce((sum, each) => sum + (isPointToKeep(each) ? each.points.length : 1), 0);

/** The corrections and one gesture more; points to keep that follow one another are one of them. */
function withGesture(corrections, gesture) {
  const last = corrections.at(-1);
  if (!isPointToKeep(gesture) || !isPointToKeep(last)) return [...corrections, gesture];
  return [...corrections.slice(0, -1), { ...last, points: [...last.points, ...gesture.points] }];
}

/** The corrections without the last gesture, and that gesture. */
function withoutLast(corrections) {
  const [rest, last] = [corrections.slice(0, -1), corrections.at(-1)];
  if (!isPointToKeep(last) || last.points.length === 1) return { rest, gesture: last };
  return {
    rest: [...rest, { ...last, points: last.points.slice(0, -1) }],
    gesture: { ...last, points: last.points.slice(-1) },
  };
}

/** The pixels between two places, those under them included: [left, top, right, bottom]. */
function boxBetween(from, to, { height, width }) {
  const [left, right] = [Math.min(from.col, to.col), Math.max(from.col, to.col)];
  const [top, bottom] = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
  return [
    within(Math.floor(left + 0.5), 0, width - 1),
    within(Math.floor(top + 0.5), 0, height - 1),
    within(Math.ceil(right + 0.5), 1, width),
    within(Math.ceil(bottom + 0.5), 1, height),
  ];
}

function inWords({ action, points, box }) {
  const [verb] = TOOLS[action];
  if (box) return `${verb} box ${box.join(", ")}`;
  if (isStroke(action)) return `${verb} stroke of ${count(points.length, "point")}`;
  return `${verb} point at row ${points.at(-1)[0]}, column ${points.at(-1)[1]}`;
}

// -- ink: corrections drawn over the picture; `unit` is one CSS pixel

function makeInk(context, { toX, toY, scale, unit, colour }) {
  const line = (style, width, dash = []) => {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    context.setLineDash(dash);
    context.stroke();
  };
  const path = (points) => {
    context.beginPath();
    points.forEach(([row, col]) => context.lineTo(toX(col), toY(row)));
    if (points.length === 1) context.lineTo(toX(points[0][1]) + 0.01, toY(points[0][0]));
  };
  const mark = (x, y, keep) => {
    const [radius, arm] = [9 * unit, 4.5 * unit];
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = keep ? KEEP : DROP;
    context.fill();
    line("#fff", 2 * unit);
    context.beginPath(); // a plus, or a cross
    for (const turn of [0, 1]) {
      const angle = ((turn + (keep ? 0 : 0.5)) * Math.PI) / 2;
      const [dx, dy] = [arm * Math.cos(angle), arm * Math.sin(angle)];
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    line("#fff", 2.5 * unit);
  };
  const stroke = ({ action, points, radius }) => {
    path(points);
    context.globalAlpha = 0.6;
    line(action === "paint" ? colour : "#fff", 2 * radius * scale);
    context.globalAlpha = 1;
    line("#000", 1.5 * unit, action === "paint" ? [] : [4 * unit, 4 * unit]);
  };
  const box = ([left, top, right, bottom], keep) => {
    const [x, y] = [toX(left - 0.5), toY(top - 0.5)]; // edges lie half a pixel off the centres
    context.beginPath();
    context.rect(x, y, toX(right - 0.5) - x, toY(bottom - 0.5) - y);
    line("#fff", 4 * unit);
    line(keep ? KEEP : DROP, 2 * unit, keep ? [] : [6 * unit, 4 * unit]);
    mark(x, y, keep);
  };
  const ring = ({ row, col }, radius) => {
    context.beginPath();
    context.arc(toX(col), toY(row), radius * scale, 0, 2 * Math.PI);
    line("#000", 3 * unit);
    line("#fff", 1.5 * unit);
  };
  const correction = (given) => {
    const keep = given.action === "keep";
    if (isStroke(given.action)) stroke(given);
    else if (given.box) box(given.box, keep);
    else given.points.forEach(([row, col]) => mark(toX(col), toY(row), keep));
  };
  return { correction, ring };
}

// -- the leaf

function render({ model, el }) {
  const life = lifetime(model);
  const root = makeRoot(el, life, { name: "prompts", label: "Correct the mask" });
  const base = h("canvas", { class: "ts-picture", "aria-hidden": "true" });
  const ink = h("canvas", {
    class: "ts-ink",
    role: "application",
    tabindex: "0",
    "aria-roledescription": "drawing canvas",
  });
  const status = statusLine(life);
  const size = () => ({ height: model.get("height"), width: model.get("width") });
  let inside = null; // share of the picture in the mask; null: nothing to show
  let loads = 0;
  let redo = [];
  let own = null; // the list that was set from here
  let pending = null; // the gesture under way: { action, from, to } or { action, points }
  let pointer = null;

  const stage = makeStage({ size, front: ink, layers: [base, ink], moved: onCross, moving: MOVING });
  const shaded = (picture, masks, drawn) => {
    const frame = rasterOf(picture, drawn);
    const [mask] = masks;
    const share = mask ? shade(frame, maskOf(mask, drawn), rgb(model.get("color"))) : 0;
    return { frame, share };
  };
  makeDetail({
    model,
    life,
    stage,
    size,
    draw: ({ picture, masks, drawn }) => {
      const { frame } = shaded(picture, masks, drawn);
      return (context) => context.putImageData(frame, 0, 0);
    },
  });
  const tools = makeTools({ model, life, size, undo, redoOne, reset, stage });
  root.append(tools.node, stage.frame, stage.hint, ...status.nodes);
  tellWhenGone(model, life, root);

  // -- corrections

  function change(corrections, words) {
    own = JSON.stringify(corrections);
    put(model, "corrections", corrections);
    announce(words);
  }
  const add = (gesture) => {
    const corrections = withGesture(model.get("corrections"), gesture);
    if (corrections.length > MOST_CORRECTIONS) return announce("No more corrections: apply these");
    redo = [];
    return change(corrections, inWords(gesture));
  };
  function undo() {
    if (!model.get("corrections").length) return;
    const { rest, gesture } = withoutLast(model.get("corrections"));
    redo.push(gesture);
    change(rest, `Undone: ${inWords(gesture)}`);
  }
  function redoOne() {
    const gesture = redo.pop();
    if (gesture) change(withGesture(model.get("corrections"), gesture), inWords(gesture));
  }
  function reset() {
    if (!model.get("corrections").length) return;
    redo = [];
    change([], "All corrections taken back");
  }
  const onCorrections = () => {
    if (JSON.stringify(model.get("corrections")) !== own) redo = []; // set by somebody else
    refresh();
  };

  // -- words

  function announce(words) {
    refresh();
    status.say(`${words}. ${count(gestures(model.get("corrections")), "correction")}.`);
  }
  const describe = () => {
    const { height, width } = size();
    const corrections = count(gestures(model.get("corrections")), "correction");
    ink.setAttribute(
      "aria-label",
      `Picture of ${width} by ${height} pixels, ${percent(inside)} of it in the mask; ` +
        `${corrections}. Arrows move a cross-hair, Space acts, Shift and Space does the opposite, ` +
        "Escape leaves.",
    );
  };

  // -- drawing

  const draw = () => {
    const context = ink.getContext("2d");
    const { height, width } = size();
    const [across, down] = [ink.width / width, ink.height / height];
    context.clearRect(0, 0, ink.width, ink.height);
    Object.assign(context, { lineCap: "round", lineJoin: "round" });
    const pen = makeInk(context, {
      toX: (col) => (col + 0.5) * across,
      toY: (row) => (row + 0.5) * down,
      scale: across,
      unit: ink.width / Math.max(1, ink.getBoundingClientRect().width),
      colour: model.get("color"),
    });
    model.get("corrections").forEach(pen.correction);
    if (pending) pen.correction(finished());
    const brush = isStroke(model.get("tool")) ? (stage.cross() ?? pointer) : null;
    if (brush) pen.ring(brush, model.get("radius"));
  };
  const refresh = perFrame(life, () => {
    tools.update({ done: model.get("corrections").length > 0, undone: redo.length > 0 });
    if (inside === null) return;
    draw();
    describe();
  });
  const show = (state, share) => {
    root.dataset.state = state;
    inside = share;
    stage.frame.hidden = stage.hint.hidden = share === null;
    if (state === "failed") status.say("This picture cannot be shown.");
    else if (state === "empty") status.say("No picture yet.");
    else status.say(`Picture with ${percent(share)} of it in the mask.`);
    refresh();
  };
  const load = perFrame(life, async () => {
    const turn = ++loads; // a later picture overtakes an earlier one
    if (empty(model.get("image"))) return show("empty", null);
    root.dataset.state = "loading";
    try {
      const sources = [model.get("image"), model.get("mask")].filter((bytes) => !empty(bytes));
      const [picture, ...masks] = await Promise.all(sources.map(decode));
      if (turn !== loads) return undefined;
      const drawn = drawnSize(picture);
      const { frame, share } = shaded(picture, masks, drawn);
      Object.assign(base, drawn);
      Object.assign(ink, drawn);
      base.getContext("2d").putImageData(frame, 0, 0);
      stage.fit(drawn);
      return show("ready", share);
    } catch {
      return turn === loads ? show("failed", null) : undefined;
    }
  });

  // -- gestures

  const actionOf = (opposite) => (opposite ? OPPOSITE[model.get("tool")] : model.get("tool"));
  const strokePoint = ({ row, col }) => [tenths(row), tenths(col)];

  const begin = (at, action) => {
    if (isStroke(action)) pending = { action, points: [strokePoint(at)] };
    else if (model.get("shape") === "box") pending = { action, from: at, to: at };
    else add(pointed(action, stage.pixel(at)));
  };
  const go = (at) => {
    if (pending?.points) {
      const [row, col] = pending.points.at(-1);
      const [down, right] = strokePoint(at);
      if (Math.hypot(down - row, right - col) < 0.5) return;
      pending.points.push([down, right]);
      if (pending.points.length < MOST_POINTS) return;
      const { action, pointer: held } = pending; // the rest is a correction of its own
      finish();
      pending = { action, points: [[down, right]], pointer: held };
    } else if (pending) pending.to = at;
  };
  function finished() {
    const { action, points, from, to } = pending;
    if (points) return { action, points, box: null, radius: model.get("radius") };
    return boxed(action, boxBetween(from, to, size()));
  }
  const finish = () => {
    const gesture = finished();
    pending = null;
    add(gesture);
  };
  const giveUp = () => {
    pending = null;
    refresh();
  };

  // -- pointer

  ink.addEventListener("contextmenu", (event) => event.preventDefault());
  ink.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 2) return;
    if (pending?.pointer !== undefined) return; // a second finger
    event.preventDefault(); // no selecting, no dragging of the cell
    ink.focus({ preventScroll: true });
    stage.setCross(null);
    ink.setPointerCapture(event.pointerId);
    begin(stage.place(event), actionOf(event.button === 2));
    if (pending) pending.pointer = event.pointerId;
    refresh();
  });
  ink.addEventListener("pointermove", (event) => {
    pointer = stage.place(event);
    if (pending?.pointer === event.pointerId) go(pointer);
    refresh();
  });
  ink.addEventListener("pointerup", (event) => {
    if (pending?.pointer !== event.pointerId) return;
    go(stage.place(event));
    const clicked = pending.from && !dragged(pending);
    if (!clicked) return finish();
    giveUp();
    return status.say("A box is dragged from corner to corner.");
  });
  ink.addEventListener("pointercancel", giveUp);
  ink.addEventListener("pointerleave", () => {
    pointer = null;
    refresh();
  });
  const dragged = ({ from, to }) => {
    const { width } = size();
    const unit = width / ink.getBoundingClientRect().width;
    return Math.max(Math.abs(to.row - from.row), Math.abs(to.col - from.col)) > 2 * unit;
  };

  // -- keyboard

  function onCross(cross) {
    if (cross === null) pending = null;
    else {
      go(cross);
      status.say(`Row ${cross.row}, column ${cross.col}`);
    }
    refresh();
  }
  const act = (opposite) => {
    if (!stage.cross()) return stage.setCross(stage.centre());
    if (pending) return finish();
    begin(stage.cross(), actionOf(opposite));
    if (pending) status.say(pending.points ? "Stroke begun" : "First corner set");
    return refresh();
  };
  const leave = () => {
    if (pending) return giveUp();
    return tools.focus();
  };
  ink.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    else if ((event.key === " " || event.key === "Enter") && !event.repeat) act(event.shiftKey);
    else if (event.key !== " ") return;
    event.preventDefault();
  });
  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) undo();
    else if (key === "y" || key === "z") redoOne();
    else return;
    event.preventDefault();
  });

  const resized = new ResizeObserver(refresh); // marks keep their size on the screen
  resized.observe(ink);
  life.later(() => resized.disconnect());
  life.watch(["image", "mask", "color", "height", "width"], load);
  life.watch(["corrections"], onCorrections);
  life.watch(["tool", "shape", "radius"], refresh);
  life.later(() => loads++);
  load();
  return life.end;
}

/** Tint and outline what is in the mask; the share of the picture that is. */
function shade(frame, mask, colour) {
  const amounts = Uint16Array.from({ length: 256 }, (_, value) =>
    value > HALF ? Math.round(256 * MASK_OPACITY) : 0,
  );
  tint(frame.data, mask, colour, amounts);
  outline(frame.data, mask, { colour, cut: HALF, amount: 256 });
  return shareAbove(mask, HALF);
}

/** Tools, brush, undo and zoom. */
function makeTools({ model, life, size, undo, redoOne, reset, stage }) {
  const radios = (name, label, choices) => {
    const group = `ts-${Math.random().toString(36).slice(2)}`;
    const inputs = Object.keys(choices).map((value) => h("input", { type: "radio", name: group, value }));
    const labels = inputs.map((input) => {
      const [text, hint] = choices[input.value];
      input.addEventListener("change", () => put(model, name, input.value));
      return h("label", { title: hint }, input, text);
    });
    const node = h("span", { class: "ts-field", role: "radiogroup", "aria-label": label }, ...labels);
    const update = () => inputs.forEach((input) => (input.checked = input.value === model.get(name)));
    return { node, update, focus: () => inputs.find((input) => input.checked).focus() };
  };
  const tool = radios("tool", "Tool", TOOLS);
  const shape = radios("shape", "Pointing with", SHAPES);
  const brush = slider(model, life, {
    name: "radius",
    label: "Brush radius",
    min: 1,
    most: () => Math.max(16, Math.round(Math.min(size().height, size().width) / 4)),
    step: 1,
    words: (value) => `${tenths(value)} px`,
  });
  const buttons = {
    undo: button("Undo", "Undo", undo),
    redo: button("Redo", "Redo", redoOne),
    reset: button("Reset", "Take back all corrections", reset),
  };
  const node = h(
    "div",
    { class: "ts-bar" },
    tool.node,
    shape.node,
    brush,
    h("span", { class: "ts-field" }, ...Object.values(buttons)),
    stage.controls,
  );
  const update = ({ done, undone }) => {
    tool.update();
    shape.update();
    shape.node.hidden = isStroke(model.get("tool"));
    brush.hidden = !shape.node.hidden;
    enable(buttons.undo, done);
    enable(buttons.reset, done);
    enable(buttons.redo, undone);
  };
  return { node, update, focus: tool.focus };
}

export default { render };
