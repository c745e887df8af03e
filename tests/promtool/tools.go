//go:build tools

// The version of promtool that rule files are held against.
package promtool

import _ "github.com/prometheus/prometheus/cmd/promtool"
