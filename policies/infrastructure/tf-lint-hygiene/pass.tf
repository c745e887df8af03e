variable "name" {
  type = string
}

variable "tags" {
  type    = map(string)
  default = {}
}

variable "subnets" {
  type = list(object({ zone = string }))
}

resource "aws_instance" "web" {
  count             = 2
  ami               = var.name
  availability_zone = var.subnets[0].zone
  tags              = merge(var.tags, { Name = "${var.name}-${count.index}" })
  user_data         = "version 1.0 of ${var.name}.0.example.com list(a)"
  key_name          = "${var.name}-${var.name}"
  instance_type     = format("t3.%s", var.name)
}

output "ids" {
  value = tolist(aws_instance.web[*].id)
}

output "ratio" {
  value = 1.5 * length(var.name)
}

resource "aws_instance" "mail" {
  user_data = <<-EOT
    echo "$host.0.id" list(a) ${var.name}
  EOT
}
