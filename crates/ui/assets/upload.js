// A form that says how far its upload is: <upload-form>. Without this script the browser says it in its own way, or not at all.
class UploadForm extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [progress, button] = [this.querySelector("progress"), form.querySelector("button")];
      const request = new XMLHttpRequest();
      const end = () => { location.assign(request.responseURL || location.href); };
      request.upload.addEventListener("progress", (sent) => { progress.max = sent.total; progress.value = sent.loaded; });
      request.upload.addEventListener("load", () => { progress.removeAttribute("value"); });
      request.addEventListener("load", () => {
        if (request.status < 400) return end();
        document.documentElement.innerHTML = request.responseText;
      });
      request.addEventListener("error", end);
      progress.hidden = false;
      button.disabled = true;
      request.open("POST", form.action);
      request.send(new FormData(form));
    });
  }
}
customElements.define("upload-form", UploadForm);
// What is under way on the server is looked at again: <still-running>.
class StillRunning extends HTMLElement {
  connectedCallback() { this.timer = setTimeout(() => location.reload(), 2000); }
  disconnectedCallback() { clearTimeout(this.timer); }
}
customElements.define("still-running", StillRunning);
