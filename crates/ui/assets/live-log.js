// A job's log that grows while the job runs: <live-log src="…" offset="123">. Without this script the page has a link.
class LiveLog extends HTMLElement {
  connectedCallback() {
    this.offset = Number(this.getAttribute("offset") || 0);
    this.source = new EventSource(`${this.getAttribute("src")}?offset=${this.offset}`);
    this.source.addEventListener("log", (event) => {
      this.querySelector("pre").insertAdjacentHTML("beforeend", event.data);
      if (this.querySelector("input").checked) this.lastElementChild.scrollIntoView({ block: "end" });
    });
    this.source.addEventListener("end", () => { this.source.close(); location.reload(); });
  }
  disconnectedCallback() { this.source?.close(); }
}
customElements.define("live-log", LiveLog);
