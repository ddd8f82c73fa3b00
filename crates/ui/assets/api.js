// The page of the API: Swagger UI with the session of the page, asking nobody else anything.
const place = document.getElementById("swagger-ui");
window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: "tried" in place.dataset ? ["get", "put", "post", "delete", "patch"] : [],
});
// Dark where the reader's system is, as the other pages are.
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", shade);
shade();
