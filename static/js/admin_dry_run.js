/** Fetches the machines' replays one after the other, so that the first is read while the others are still tried. */

const machines = [...document.querySelectorAll(".dry-run-machine")];
const progress = document.getElementById("dry-run-progress");

async function run() {
  for (const [index, machine] of machines.entries()) {
    progress.textContent = `Trying machine ${index + 1} of ${machines.length} …`;
    const result = machine.querySelector(".dry-run-result");
    const answer = await fetch(machine.dataset.url).catch(() => null);
    if (answer?.ok && !answer.redirected) result.innerHTML = await answer.text(); // the server's own template, escaped there
    else result.textContent = "This could not be tried. Reload the page to try again.";
  }
  progress.textContent = machines.length ? `Tried ${machines.length} ${machines.length === 1 ? "machine" : "machines"}.` : "";
}

run();
