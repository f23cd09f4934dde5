"use strict";
// Which slot is which port: the wizard. The station keeps how far it is; this only shows it and passes on what is tapped.

const lookEvery = 500;

function paintLearning(learning) {
  const { state: step, prompt, said, slots, boards } = learning;
  byId("learn-begin").hidden = step !== "idle";
  byId("learn-work").hidden = step === "idle";
  const words = {
    ready: "This is the map. Write it into station.xml?",
    written: "Written. Print the labels, then start the station again: the slots are there from then on.",
  };
  byId("learn-prompt").textContent = words[step] ?? prompt ?? "";
  byId("learn-said").textContent = said ?? "";
  const asked = slots.findIndex((slot) => slot.asked);
  byId("learn-map").replaceChildren(...slots.map((slot, index) => {
    const place = element("div", slot.asked ? "asked" : slot.port ? "found" : "");
    place.style.gridRow = slot.row;
    place.style.gridColumn = slot.column;
    place.append(element("b", "", slot.name), slot.port ?? (slot.asked ? "plug in now" : asked < 0 || index < asked ? "stays as it is" : "comes later"));
    return place;
  }));
  byId("learn-map").querySelector(".asked")?.scrollIntoView({ block: "nearest" });
  byId("learn-write").hidden = step !== "ready";
  byId("learn-sheet").hidden = step !== "ready" && step !== "written";
  byId("learn-skip").hidden = step !== "asking";
  byId("learn-back").hidden = step !== "asking" && step !== "ready";
  byId("learn-back").disabled = slots[0]?.asked ?? true;
  byId("learn-cancel").hidden = step !== "asking" && step !== "ready";
  for (const button of document.querySelectorAll(".learn-close")) button.hidden = step !== "idle" && step !== "written";
  if (step === "idle") offerBoards(boards);
  return step;
}

function offerBoards(boards) {
  const select = byId("learn-board");
  if (select.options.length === boards.length) return;
  const used = [...state.slots.values()].find((slot) => slot.board)?.board ?? "Card";
  select.replaceChildren(...boards.map((board) => {
    const option = element("option", "", board);
    option.selected = board === used;
    return option;
  }));
}

function showLearnProblem(text) {
  byId("learn-problem").hidden = !text;
  byId("learn-problem").textContent = text ?? "";
}

async function learnStep(method, path, body) {
  try {
    const step = paintLearning(await call(method, path, body));
    showLearnProblem(null);
    return step;
  } catch (error) {
    showLearnProblem(error.message);
    return null;
  }
}

async function watchLearning() {
  if (!byId("learn").open) return;
  if (!byId("learn-work").hidden && byId("learn-skip").hidden === false) await learnStep("GET", "/learn");
  setTimeout(watchLearning, lookEvery);
}

byId("learn-open").addEventListener("click", async () => {
  byId("learn-slots").value = Math.max(1, state.slots.size);
  byId("learn-columns").value = Math.max(1, ...[...state.slots.values()].map((slot) => slot.column));
  await learnStep("GET", "/learn");
  byId("learn").showModal();
  watchLearning();
});

byId("learn-begin").addEventListener("submit", (event) => {
  event.preventDefault();
  learnStep("POST", "/learn", {
    slots: Number(byId("learn-slots").value),
    columns: Number(byId("learn-columns").value),
    board: byId("learn-board").value,
  });
});

for (const verb of ["write", "skip", "back", "cancel"]) {
  const button = byId(`learn-${verb}`);
  button.addEventListener("click", async () => {
    button.disabled = true; // a second tap would be for the next slot
    const step = await learnStep("POST", `/learn/${verb}`);
    if (verb !== "back" || step === null) button.disabled = false;
  });
}

// What is in the file needs the wizard no more.
for (const button of document.querySelectorAll(".learn-close")) {
  button.addEventListener("click", async () => {
    if (!byId("learn-work").hidden) await learnStep("POST", "/learn/cancel");
    byId("learn").close();
  });
}
