// The API's live page: Swagger UI on our schema. Whoever is signed in tries things out in their own name.

const api = document.getElementById("api");

function csrfToken() {
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith("csrftoken="));
  return found ? found.slice("csrftoken=".length) : "";
}

window.SwaggerUIBundle({
  url: api.dataset.schemaUrl + "?format=json",
  domNode: api,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  displayOperationId: true,
  filter: true,
  tryItOutEnabled: false,
  validatorUrl: null,
  // A session's posts need it; a token's do not mind it.
  requestInterceptor: (request) => {
    request.headers["X-CSRFToken"] = csrfToken();
    return request;
  },
});
