/** The API reference: Swagger UI over the specification that this server gives about itself. */

const specification = await (await fetch("openapi.json")).json();
// Behind a proxy the server may lie below a path of its own, of which the specification knows nothing.
specification.servers = [{ url: new URL(".", document.baseURI).href.replace(/\/$/, "") }];

function isProbe(operation) {
  return Number(operation.get("method") !== "post");
}

globalThis.SwaggerUIBundle({
  spec: specification,
  domNode: document.getElementById("reference"),
  // The validator's badge would send the specification to somebody else's server.
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  // What ranks comes before what probes; within both the order of the specification stays.
  operationsSorter: (one, other) => isProbe(one) - isProbe(other),
});
