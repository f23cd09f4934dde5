"use strict";
// The operator page: a snapshot on connect, then changes as they come. The station is the only one that knows; the page
// keeps nothing that a reload or a daemon restart could lose.

const api = "/api/v1";
const byId = (id) => document.getElementById(id);
const state = { slots: new Map(), batch: null };

// ---- the station's numbers in an operator's words

function speed(bytesPerSecond) {
  return bytesPerSecond > 0 ? `${(bytesPerSecond / 1e6).toFixed(1)} MB/s` : "";
}

function timeLeft(seconds) {
  if (seconds === null || seconds === undefined || seconds < 0) return "";
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s left` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s left`;
}

function fileName(path) {
  return path.split("/").pop();
}

// ---- talking to the station

async function call(method, path, body) {
  const response = await fetch(api + path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = answer.error ?? { code: `HTTP ${response.status}`, text: "the station refused", advice: "" };
    throw new Error([`${error.code}: ${error.text}`, error.advice].filter(Boolean).join(" — "));
  }
  return answer;
}

function showProblem(text) {
  byId("problem").hidden = !text;
  byId("problem").textContent = text ?? "";
}

/** Runs an operator's action with its button switched off, and shows what went wrong. */
async function act(button, action) {
  button.disabled = true;
  showProblem(null);
  try {
    await action();
  } catch (error) {
    showProblem(error.message);
  } finally {
    button.disabled = false;
  }
}

// ---- tiles

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeTile(name) {
  const tile = element("article", "tile");
  tile.id = `slot-${name}`;
  const top = element("button", "top");
  top.type = "button";
  top.addEventListener("click", () => showDetail(name));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  top.append(element("span", "name", name), element("span", "word"), svg);
  const bar = element("div", "bar");
  bar.append(element("i"));
  const pace = element("div", "pace");
  pace.append(element("span", "speed"), element("span", "left"));
  tile.append(top, element("div", "serial"), bar, pace, element("p", "advice"), element("div", "actions"));
  return tile;
}

function tileActions(slot) {
  const actions = [];
  if (slot.state === "failed") actions.push(["Retry", "retry"]);
  if (slot.state === "failed" || slot.state === "passed") actions.push(["Next board", "next"]);
  if (slot.state === "quarantined") actions.push(["Take it back into use", "release"]);
  return actions.map(([label, verb]) => {
    const button = element("button", verb === "retry" ? "primary" : "", label);
    button.type = "button";
    button.dataset.action = verb;
    button.addEventListener("click", () => act(button, async () =>
      paintSlot(await call("POST", `/slots/${encodeURIComponent(slot.name)}/${verb}`))));
    return button;
  });
}

function adviceFor(slot) {
  if ((slot.state === "failed" || slot.state === "quarantined") && slot.error) {
    return [element("b", "", slot.error.advice || "Call the line lead."), document.createTextNode(`${slot.error.code} ${slot.error.text}`)];
  }
  const words = {
    passed: state.batch?.left > 0 ? "Done. Take the board out, put the next one in." : "Done. Take the board out.",
    empty: "Put a board in.",
    paused: "Resume the batch to go on.",
  };
  return words[slot.state] ? [document.createTextNode(words[slot.state])] : [];
}

function paintSlot(slot) {
  const before = state.slots.get(slot.name);
  state.slots.set(slot.name, slot);
  let tile = byId(`slot-${slot.name}`);
  if (!tile) {
    tile = makeTile(slot.name);
    byId("rack").append(tile);
  }
  tile.style.gridRow = slot.row;
  tile.style.gridColumn = slot.column;
  const part = (selector) => tile.querySelector(selector);
  const working = slot.state === "writing" || slot.state === "verifying";
  tile.dataset.state = slot.state;
  part(".word").textContent = slot.state;
  part("use").setAttribute("href", `#shape-${slot.state}`);
  part(".serial").textContent = slot.serial ?? "";
  const { done_bytes: done = 0, total_bytes: total = 0, rate_bytes_per_s: rate = 0, seconds_left: left } = slot.progress ?? {};
  part(".bar").hidden = !working;
  part(".bar i").style.width = total > 0 ? `${Math.min(100, (100 * done) / total).toFixed(1)}%` : "0";
  part(".speed").textContent = working ? speed(rate) : "";
  part(".left").textContent = working ? timeLeft(left) : "";
  part(".advice").replaceChildren(...adviceFor(slot));
  // Buttons are only made anew when the state changes, so that a finger never lands on one that was just replaced.
  if (before?.state !== slot.state || !before) part(".actions").replaceChildren(...tileActions(slot));
}

async function showDetail(name) {
  const slot = state.slots.get(name);
  byId("detail-title").textContent = `Slot ${name}: ${slot.state}`;
  const lines = [`Target: ${slot.target}`, slot.board && `Board: ${slot.board}`, slot.medium && `Medium: ${slot.medium}`, slot.serial && `Unit: ${slot.serial}`,
    slot.attempt && `Attempt: ${slot.attempt}`, slot.error && `${slot.error.code}: ${slot.error.text}`].filter(Boolean);
  if (slot.serial) {
    const told = await call("GET", `/units/${encodeURIComponent(slot.serial)}/explain`).catch((error) => ({ text: error.message }));
    lines.push(...told.text.split("\n"));
  }
  byId("detail-body").replaceChildren(...lines.map((line) => element("p", "", line)));
  byId("detail").showModal();
}

// ---- what is plugged in where no slot is

function sizeOf(bytes) {
  return bytes === null ? "" : bytes === 0 ? "no medium" : `${(bytes / 1e9).toFixed(1)} GB`;
}

function paintPorts(ports) {
  const strangers = ports.filter((port) => port.slot === null);
  byId("strangers").hidden = strangers.length === 0;
  byId("stranger-list").replaceChildren(...strangers.map((port) => {
    const line = element("li");
    line.append(element("b", "", port.port), element("span", "", [port.name || port.id, sizeOf(port.size_bytes)].filter(Boolean).join(", ")));
    return line;
  }));
}

// ---- the batch

function paintBatch(batch) {
  state.batch = batch;
  const open = batch && batch.state !== "closed";
  byId("batch-open").hidden = !batch;
  byId("learn-open").hidden = open && batch.state !== "done";
  byId("batch-new").hidden = open && batch.state !== "done";
  if (!batch) return;
  byId("batch-name").textContent = batch.name || `Batch ${batch.id}`;
  byId("batch-image").textContent = fileName(batch.image);
  byId("batch-passed").textContent = batch.passed;
  byId("batch-quantity").textContent = batch.quantity;
  byId("batch-bar").style.width = `${(100 * batch.passed) / Math.max(1, batch.quantity)}%`;
  byId("batch-in-work").textContent = batch.in_work;
  byId("batch-failed").textContent = batch.failed_attempts;
  byId("batch-voided").textContent = batch.voided;
  byId("batch-yield").textContent = batch.yield === null ? "–" : `${(100 * batch.yield).toFixed(1)} %`;
  byId("batch-state").textContent = { running: "Running", paused: "Paused", closed: "Closed", done: "All units passed" }[batch.state];
  byId("batch-pause").hidden = batch.state !== "running";
  byId("batch-resume").hidden = batch.state !== "paused";
  byId("batch-close").hidden = !open || batch.state === "done";
}

for (const verb of ["pause", "resume", "close"]) {
  const button = byId(`batch-${verb}`);
  button.addEventListener("click", () => act(button, async () =>
    paintBatch(await call("POST", `/batches/${state.batch.id}/${verb}`))));
}

byId("batch-new").addEventListener("submit", (event) => {
  event.preventDefault();
  const order = { image: byId("new-image").value, quantity: Number(byId("new-quantity").value) };
  for (const field of ["recipe", "operator"]) {
    if (byId(`new-${field}`).value) order[field] = byId(`new-${field}`).value;
  }
  act(event.submitter ?? byId("batch-new").querySelector("button"), async () => paintBatch(await call("POST", "/batches", order)));
});

async function loadImages() {
  const { images } = await call("GET", "/images");
  const chosen = byId("new-image").value;
  byId("new-image").replaceChildren(...images.map((image) => {
    const option = element("option", "", fileName(image.path));
    option.value = image.path;
    option.selected = image.path === chosen;
    return option;
  }));
}

// ---- live

function setLink(link, text) {
  byId("link").dataset.state = link;
  byId("link").textContent = text;
  document.body.classList.toggle("stale", link !== "live");
}

function paintSnapshot({ station, slots, ports, batch }) {
  document.title = `${station.name} – Flashline`;
  byId("station-name").textContent = station.name;
  byId("mode").textContent = station.mode;
  byId("mode").dataset.mode = station.mode;
  const names = new Set(slots.map((slot) => slot.name));
  for (const name of [...state.slots.keys()].filter((known) => !names.has(known))) {
    state.slots.delete(name);
    byId(`slot-${name}`).remove();
  }
  paintBatch(batch);
  slots.forEach(paintSlot);
  paintPorts(ports);
  loadImages().catch((error) => showProblem(error.message));
}

function connect(waitBeforeNext = 500) {
  const socket = new WebSocket(`ws://${location.host}${api}/events`);
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.type === "snapshot") {
      waitBeforeNext = 500;
      setLink("live", "Live");
      showProblem(null);
      paintSnapshot(message);
    } else if (message.type === "slot") {
      paintSlot(message.slot);
    } else if (message.type === "ports") {
      paintPorts(message.ports);
    } else if (message.type === "batch") {
      paintBatch(message.batch);
      state.slots.forEach(paintSlot);
    }
  });
  socket.addEventListener("close", () => {
    setLink("lost", "Station not reachable, trying again …");
    setTimeout(connect, waitBeforeNext, Math.min(3000, waitBeforeNext * 2));
  });
}

connect();
