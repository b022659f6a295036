"""A leaf's own script in a blank page, with a model that is a dictionary: no kernel."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.watching import Watch
from textseg.panels.leaves.leaf import Leaf

VIEW: ViewportSize = {"width": 1000, "height": 800}

# counts what a leaf could leave behind: listeners on window and document, object URLs, observers,
# timers and frames asked for
COUNTING = """
const waiting = new Set();
window.left = {listeners: 0, urls: 0, observers: 0, get timers() { return waiting.size; }};
for (const [ask, drop] of [
  ["setTimeout", "clearTimeout"],
  ["requestAnimationFrame", "cancelAnimationFrame"],
]) {
  const {[ask]: begin, [drop]: end} = window;
  window[ask] = (work, ...rest) => {
    const act = (...given) => { waiting.delete(name); work(...given); };
    const id = begin.call(window, act, ...rest);
    const name = `${ask} ${id}`;
    waiting.add(name);
    return id;
  };
  window[drop] = (id) => { waiting.delete(`${ask} ${id}`); end.call(window, id); };
}
window.bubbled = [];
document.addEventListener("keydown", (event) => window.bubbled.push(event.key));
for (const target of [window, document]) {
  const {addEventListener: add, removeEventListener: remove} = target;
  target.addEventListener = (...a) => { left.listeners++; return add.apply(target, a); };
  target.removeEventListener = (...a) => { left.listeners--; return remove.apply(target, a); };
}
const {createObjectURL: make, revokeObjectURL: revoke} = URL;
URL.createObjectURL = (blob) => { window.left.urls++; return make.call(URL, blob); };
URL.revokeObjectURL = (url) => { if (url) window.left.urls--; return revoke.call(URL, url); };
window.ResizeObserver = class extends ResizeObserver {
  constructor(...a) { super(...a); window.left.observers++; }
  disconnect() { window.left.observers--; super.disconnect(); }
};
"""

MOUNTING = """
async ({esm, css, state}) => {
  const revived = (value) => {
    if (Array.isArray(value)) return value.map(revived);
    if (value?.base64 === undefined) return value;
    const bytes = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
    return new DataView(bytes.buffer);
  };
  const values = {};
  const handlers = new Map();
  window.revived = revived;
  window.saved = [];
  window.sent = [];
  window.handlers = () => [...handlers.values()].reduce((sum, each) => sum + each.length, 0);
  window.trigger = (event) => (handlers.get(event) ?? []).forEach((handler) => handler());
  let unsaved = {};
  window.model = {
    get: (name) => values[name],
    set: (name, value) => {
      values[name] = value;
      unsaved[name] = value;
      for (const handler of [...(handlers.get(`change:${name}`) ?? [])]) handler();
    },
    send: (content, _, buffers) =>
      window.sent.push({content, sizes: buffers.map((each) => each.byteLength)}),
    save_changes: () => { window.saved.push(unsaved); unsaved = {}; },
    on: (event, handler) => handlers.set(event, [...(handlers.get(event) ?? []), handler]),
    off: (event, handler) =>
      handlers.set(event, (handlers.get(event) ?? []).filter((other) => other !== handler)),
  };
  for (const [name, value] of Object.entries(state)) values[name] = revived(value);
  document.head.append(Object.assign(document.createElement("style"), {textContent: css}));
  const el = document.body.appendChild(document.createElement("div"));
  const url = URL.createObjectURL(new Blob([esm], {type: "text/javascript"}));
  const module = await import(url);
  URL.revokeObjectURL(url);
  window.cleanup = await module.default.render({model: window.model, el});
  window.element = el;
}
"""

PIXEL = """
([canvas, row, col]) => [
  ...canvas.getContext("2d").getImageData(col, row, 1, 1).data,
]
"""


# lets pictures be decoded one by one, when a test says so
HOLDING = """
() => {
  const decode = window.createImageBitmap;
  window.held = [];
  window.createImageBitmap = (...given) =>
    new Promise((go) => window.held.push(() => decode(...given).then((image) => go(image))));
}
"""
WAITING = """
async (number) => {
  while (window.held.length < number) await new Promise((go) => requestAnimationFrame(go));
}
"""
LETTING_GO = """
async (places) => {
  const frame = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  for (const place of places) await window.held[place]();
  for (let k = 0; k < 3; k++) await frame();
}
"""


class LeafPage:
    """One leaf at a time in a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.watch = Watch(page)
        page.set_default_timeout(10_000)
        page.add_init_script(COUNTING)
        self.clear()

    def clear(self) -> None:
        """Start over with an empty page."""
        self.page.set_viewport_size(VIEW)
        self.page.emulate_media(color_scheme="light")
        self.page.mouse.move(0, 0)
        self.page.goto("about:blank")
        self.watch.forget()

    def mount(self, leaf: Leaf, *, state: str = "ready") -> Locator:
        """Render a leaf with its traits as they are, and return its root."""
        given = {"esm": leaf._esm, "css": leaf._css, "state": traits(leaf)}
        self.page.evaluate(MOUNTING, given)
        root = self.page.locator(".ts-leaf")
        expect(root).to_have_attribute("data-state", state)
        return root

    def hold(self) -> None:
        """Let no picture be decoded until ``let_go``."""
        self.page.evaluate(HOLDING)

    def wait_for_held(self, number: int) -> None:
        """Wait until so many pictures wait to be decoded."""
        self.page.evaluate(WAITING, number)

    def let_go(self, *places: int) -> None:
        """Decode these pictures, counted from 0, and wait until what follows has been done."""
        self.page.evaluate(LETTING_GO, list(places))

    def set(self, **values: Any) -> None:
        """Change traits as a kernel would."""
        for name, value in values.items():
            self.page.evaluate("([n, v]) => model.set(n, revived(v))", [name, packed(value)])

    def get(self, name: str) -> Any:
        """Return a trait as the browser has it."""
        return self.page.evaluate("(name) => model.get(name)", name)

    def pixel(self, canvas: Locator, row: int, col: int) -> list[int]:
        """Return red, green, blue and alpha of a pixel of a canvas."""
        found: list[int] = self.page.evaluate(PIXEL, [canvas.element_handle(), row, col])
        return found

    def shows(self, canvas: Locator, row: int, col: int, rgb: tuple[int, int, int]) -> None:
        """Wait until a pixel of a canvas has about this colour."""
        self.page.wait_for_function(
            "([canvas, row, col, want]) => {"
            f"const found = ({PIXEL})([canvas, row, col]);"
            "return want.every((part, k) => Math.abs(part - found[k]) <= 3); }",
            arg=[canvas.element_handle(), row, col, list(rgb)],
            timeout=3_000,
        )


def traits(leaf: Leaf) -> dict[str, Any]:
    """The public synchronised traits of a leaf, bytes packed."""
    names = {name for name in leaf.trait_names(sync=True) if not name.startswith("_")}
    unneeded = {"layout", "tabbable", "tooltip", "comm"}
    return {name: packed(getattr(leaf, name)) for name in names - unneeded}


def packed(value: Any) -> Any:
    """A value with bytes as something that JSON can hold."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return [packed(item) for item in value] if isinstance(value, list) else value


def flat(height: int, width: int, rgb: tuple[int, int, int]) -> NDArray[np.float32]:
    """A picture of one colour."""
    return np.broadcast_to(np.float32(rgb) / np.float32(255), (height, width, 3))


def ramp(height: int, width: int) -> NDArray[np.float32]:
    """A soft mask that rises from 0 at the left to 1 at the right."""
    return np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
