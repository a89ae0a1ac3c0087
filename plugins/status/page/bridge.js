// The connection to the bridge: server-sent events that come once a second. A
// connection begins with everything that the bridge remembers, so a new one is
// a new start, whether or not the process behind it is another.

const retryAfter = 1500; // ms; where the browser does not try again by itself
const crowdedFor = 30000; // ms to wait where newer pages took this one's place
const silence = 5000; // ms without an event: the connection is dead

export class Bridge {
  // The handlers are begin(update), update(update) and lost(since, full), since
  // in ms; full says that the bridge is there and that newer pages took this one's place.
  constructor(handlers) {
    this.handlers = handlers;
    this.heard = Date.now();
    this.connected = false;
    setInterval(() => this.watch(), 1000);
    this.connect();
  }

  connect() {
    this.source?.close();
    this.tried = Date.now();
    this.source = new EventSource("events");
    this.source.addEventListener("begin", (e) => this.hear(e, this.handlers.begin));
    this.source.addEventListener("update", (e) => this.hear(e, this.handlers.update));
    this.source.addEventListener("full", () => this.giveWay());
    this.source.addEventListener("error", () => this.fail());
  }

  hear(event, tell) {
    this.heard = Date.now();
    this.connected = true;
    tell(JSON.parse(event.data));
  }

  fail() {
    this.connected = false;
    const refused = this.source.readyState === EventSource.CLOSED;
    this.handlers.lost(this.heard, false);
    if (refused) setTimeout(() => this.connect(), retryAfter);
  }

  giveWay() {
    this.connected = false;
    this.source.close();
    this.handlers.lost(this.heard, true);
    setTimeout(() => this.connect(), crowdedFor);
  }

  // watch notices what breaks without an error, such as a sleeping computer.
  watch() {
    const quietFor = Date.now() - Math.max(this.heard, this.tried);
    if (this.source.readyState === EventSource.CLOSED || quietFor < silence) return;
    this.connected = false;
    this.handlers.lost(this.heard, false);
    this.connect();
  }
}
