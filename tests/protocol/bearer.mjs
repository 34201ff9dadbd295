// Gives each request of a Node process the token in BEARER_TOKEN, whichever of Node's ways to send one it goes.
import { subscribe } from "node:diagnostics_channel";

const header = ["authorization", `Bearer ${process.env.BEARER_TOKEN}`];
subscribe("undici:request:create", ({ request }) => request.addHeader(...header));
subscribe("http.client.request.created", ({ request }) => request.setHeader(...header));
