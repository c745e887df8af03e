variable "key" {
  type = string
}

resource "aws_ecr_repository" "api" {
  name = "api"

  dynamic "encryption_configuration" {
    for_each = var.key == null ? [] : [var.key]
    content {
      encryption_type = "KMS"
      kms_key         = encryption_configuration.value
    }
  }
}
