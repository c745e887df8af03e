# not-evaluated: the parameters of `aws_db_parameter_group.shop` are made by a `dynamic` block
variable "parameters" {
  type = map(string)
}

resource "aws_db_parameter_group" "shop" {
  family = "postgres14"

  dynamic "parameter" {
    for_each = var.parameters
    content {
      name  = parameter.key
      value = parameter.value
    }
  }
}
