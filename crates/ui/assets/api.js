// The page of the API: Swagger UI, with the session of the page, and nothing asked of any other server.
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
