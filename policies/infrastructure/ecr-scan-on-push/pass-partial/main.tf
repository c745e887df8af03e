variable "scanned" {
  type = list(string)
}

resource "aws_ecr_registry_scanning_configuration" "this" {
  scan_type = "BASIC"

  dynamic "rule" {
    for_each = var.scanned
    content {
      scan_frequency = "SCAN_ON_PUSH"
      repository_filter {
        filter      = rule.value
        filter_type = "WILDCARD"
      }
    }
  }
}

resource "aws_ecr_repository" "api" {
  name = "api"
}
