variable "keys" {
  type = list(string)
}

resource "aws_eks_node_group" "services" {
  cluster_name = "shop"

  dynamic "remote_access" {
    for_each = var.keys
    content {
      ec2_ssh_key = remote_access.value
    }
  }
}
