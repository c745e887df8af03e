variable "key" {
  type = string
}

resource "aws_eks_node_group" "services" {
  cluster_name = "shop"

  remote_access {
    ec2_ssh_key = var.key
  }
}
