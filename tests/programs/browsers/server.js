// HTTPS on 127.0.0.1 that demands a client certificate and shows its subject:
//
//     server.js CERTIFICATE KEY AUTHORITY...
//
// One port for each authority whose certificates are welcome; the ports are printed in that order.
"use strict";
const fs = require("node:fs");
const https = require("node:https");

const [certificate, key, ...authorities] = process.argv.slice(2);

function page(request, response) {
    const subject = Object.entries(request.socket.getPeerCertificate().subject)
        .map(([name, value]) => `${name}=${value}`)
        .join(", ")
        .replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>${subject}</title><h1>${request.socket.getProtocol()}</h1><p>${subject}</p>`);
}

function serve(authority) {
    const options = {
        cert: fs.readFileSync(certificate),
        key: fs.readFileSync(key),
        ca: fs.readFileSync(authority),
        requestCert: true,
        rejectUnauthorized: true,
    };
    const server = https.createServer(options, page);
    server.on("tlsClientError", (error) => console.error(error.message));
    return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
}

Promise.all(authorities.map(serve)).then((ports) => console.log(ports.join(" ")));
