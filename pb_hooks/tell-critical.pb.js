/// <reference path="../pb_data/types.d.ts" />

// An example for operators: write a line into the log for each new critical
// issue. Replace the line by a call of $http.send to page somebody.
onRecordAfterCreateSuccess((e) => {
    if (e.record.get("severity") === "critical") {
        $app.logger().warn("critical issue drafted", "issue", e.record.id, "title", e.record.get("title"))
    }
    e.next()
}, "issues")
