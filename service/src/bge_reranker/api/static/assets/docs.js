/** The API reference: Swagger UI over the specification that this server gives about itself. */

function isProbe(operation) {
  return Number(operation.get("method") !== "post");
}

globalThis.SwaggerUIBundle({
  url: "openapi.json",
  domNode: document.getElementById("reference"),
  // The validator's badge would send the specification to somebody else's server.
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  // What ranks comes before what probes; within both the order of the specification stays.
  operationsSorter: (one, other) => isProbe(one) - isProbe(other),
});
