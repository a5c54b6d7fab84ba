/** The print button of a letter. Lines that are empty are printed as lines, without the words that say what goes there. */

document.getElementById("print")?.addEventListener("click", () => window.print());
