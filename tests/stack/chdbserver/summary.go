package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// displayName is what the server calls itself.
const displayName = "chDB"

// writeNames sets the headers that every answer has, an error too.
func writeNames(header http.Header, params url.Values) {
	header.Set("X-ClickHouse-Server-Display-Name", displayName)
	header.Set("X-ClickHouse-Query-Id", cmp.Or(params.Get("query_id"), uuid.NewString()))
	header.Set("X-ClickHouse-Timezone", "UTC")
}

// writeSummary sets what is known when the statement has ended.
//
// Written rows are the engine's own progress, which counts where the rows enter
// a table's insert: it has the rows of every table that a view fills too, and an
// insert that was deduplicated has as many as one that was stored, since that is
// found out behind it. So it is with a real server; the header does not tell,
// and only the native protocol's profile events do (DuplicatedInsertedBlocks).
func writeSummary(header http.Header, a *answer) {
	header.Set("X-ClickHouse-Format", a.format)
	rows, bytes := a.rows, a.bytes
	if a.events != nil { // what an insert gives is what it has written
		rows, bytes = a.writtenRows, a.writtenBytes
	}
	header.Set("X-ClickHouse-Summary", fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d",`+
		`"total_rows_to_read":"0","result_rows":"%d","result_bytes":"%d","elapsed_ns":"%d","memory_usage":"0"}`,
		a.readRows, a.readBytes, a.writtenRows, a.writtenBytes, rows, bytes, a.elapsed.Nanoseconds()))
}
