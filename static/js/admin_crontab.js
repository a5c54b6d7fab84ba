// Says in words what the chosen crontab means. The library does the same from inside the page, which the policy forbids.
const meanings = JSON.parse(document.getElementById("readable-crontabs").textContent);
const choice = document.getElementById("id_crontab");
const words = document.querySelector(".field-crontab_translation");

function show() {
  const meaning = meanings[choice.value];
  if (words) words.hidden = !meaning;
  const place = words?.querySelector(".readonly");
  if (place && meaning) place.textContent = meaning;
}

choice?.addEventListener("change", show);
show();
