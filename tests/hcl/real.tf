terraform {
  required_version = ">= 1.5"
  backend "s3" {
    bucket = "state"
  }
}

variable "tags" {
  type    = map(string)
  default = { team = "a" } # one
}

locals {
  name = "${var.prefix}-app"
  all  = merge(var.tags, { for k, v in local.more : k => upper(v) if v != "" })
  more = { x = "1", "y" : -2.5, (local.name) = [1, 2, ] }
  user = <<-EOT
    #!/bin/sh
    echo ${local.name} %{ if true }yes%{ else }no%{ endif }
  EOT
}

resource "aws_instance" "web" {
  count     = var.on && !var.off ? 1 : 0
  ami       = data.aws_ami.a[count.index].id
  user_data = base64encode(local.user)
  tags      = local.all
  ids       = aws_subnet.a[*].id
  /* block */
  dynamic "ebs" {
    for_each = [for s in [1, 2] : s * 10]
    content { size = ebs.value }
  }

  lifecycle {
    ignore_changes = [tags["a"], ami]
  }
}
